"""Which calls are missed calls."""

from typing import Any

import pytest

from services.session.worker.mapping.event_mapping import IgnoredEvent
from services.session.worker.mapping.missed_calls import MAX_RINGING_CALLS, MissedCallDetector
from shared.contracts.events import MessageReceived
from shared.contracts.records import Party
from tests.unit.session.messages import BOB_LID, BOB_PHONE, INSTANCE, jid, pb

BOB = Party(phone=BOB_PHONE, lid=BOB_LID)


def meta(call_id: str = "CALL1", creator: Any = None) -> Any:
    caller = creator or jid(BOB_LID, "lid")
    other = pb.JID() if creator else jid(BOB_PHONE, "s.whatsapp.net")
    return pb.BasicCallMeta(
        **{"from": caller}, timestamp=1_790_000_000, callCreator=caller, callCreatorAlt=other, callID=call_id
    )


def offer(call_id: str = "CALL1", *children: str, creator: Any = None) -> Any:
    data = pb.Node(Tag="offer", Nodes=[pb.Node(Tag=tag) for tag in children])
    remote = pb.CallRemoteMeta(remotePlatform="android", remoteVersion="2")
    return pb.CallOffer(basicCallMeta=meta(call_id, creator), callRemoteMeta=remote, data=data)


def end(reason: str = "timeout", call_id: str = "CALL1", creator: Any = None) -> Any:
    return pb.CallTerminate(basicCallMeta=meta(call_id, creator), reason=reason, data=pb.Node(Tag="terminate"))


def mapped(*events: Any) -> list[MessageReceived | IgnoredEvent]:
    calls = MissedCallDetector()
    return [calls.map_call_event(event.DESCRIPTOR.name, event, INSTANCE) for event in events]


@pytest.mark.parametrize(("children", "text"), [((), "Missed voice call"), (("audio", "video"), "Missed video call")])
@pytest.mark.parametrize("reason", ["timeout", "", "hangup"])
def test_a_call_that_nobody_answers_is_a_message_of_its_own_type(
    reason: str, children: tuple[str, ...], text: str
) -> None:
    ringing, missed = mapped(offer("CALL1", *children), end(reason))
    assert isinstance(ringing, IgnoredEvent)
    assert isinstance(missed, MessageReceived)
    assert (missed.type, missed.text, missed.wa_id) == ("missed_call", text, "CALL1")
    assert (missed.sender, missed.chat, missed.from_me) == (BOB, BOB, False)


@pytest.mark.parametrize("reason", ["accepted_elsewhere", "rejected_elsewhere"])
def test_a_call_that_another_device_handled_is_not_missed_also_when_it_ends_again(reason: str) -> None:
    assert all(isinstance(result, IgnoredEvent) for result in mapped(offer(), end(reason), end(), end("")))


def test_a_call_that_was_accepted_is_not_missed() -> None:
    remote = pb.CallRemoteMeta(remotePlatform="", remoteVersion="")
    accepted = pb.CallAccept(basicCallMeta=meta(), callRemoteMeta=remote, data=pb.Node(Tag="accept"))
    assert all(isinstance(result, IgnoredEvent) for result in mapped(offer(), accepted, end()))


def test_a_call_that_was_never_offered_here_is_the_owners_own() -> None:
    assert all(isinstance(result, IgnoredEvent) for result in mapped(end()))


def test_a_group_call_is_no_missed_call() -> None:
    notice = pb.CallOfferNotice(basicCallMeta=meta(), media="audio", type="group", data=pb.Node(Tag="offer_notice"))
    assert all(isinstance(result, IgnoredEvent) for result in mapped(notice, end()))


def test_a_call_that_is_only_announced_counts_as_offered() -> None:
    notice = pb.CallOfferNotice(basicCallMeta=meta(), media="video", type="", data=pb.Node(Tag="offer_notice"))
    _, missed = mapped(notice, end())
    assert isinstance(missed, MessageReceived)
    assert missed.text == "Missed video call"


def test_bots_do_not_call() -> None:
    bot = jid("131", "bot")
    assert mapped(offer(creator=bot), end(creator=bot))[1] == IgnoredEvent("call-bot")


def test_the_number_of_ringing_calls_is_bounded_and_the_oldest_are_dropped() -> None:
    calls = MissedCallDetector()
    for number in range(MAX_RINGING_CALLS + 1):
        calls.map_call_event("CallOffer", offer(str(number)), INSTANCE)
    assert isinstance(calls.map_call_event("CallTerminate", end(call_id="0"), INSTANCE), IgnoredEvent)
    assert isinstance(
        calls.map_call_event("CallTerminate", end(call_id=str(MAX_RINGING_CALLS)), INSTANCE), MessageReceived
    )
