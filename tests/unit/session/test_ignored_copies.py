"""A message that the library ignores as a repetition, and that only its log shows."""

from typing import Any

import pytest

from services.session.worker.library import ignored_copies
from services.session.worker.library.ignored_copies import IgnoredCopies
from services.session.worker.library.stanzas import StanzaParseError
from services.session.worker.preload import preload_protobufs

preload_protobufs()
OWN_USERS = frozenset({"4915112345678", "77"})
BODY = '><enc type="msg" v="2"><!-- 80 bytes --></enc></message>'
DIRECT = f'<message from="5@lid" id="3A01" notify="Bob" t="1700000000" type="text"{BODY}'
GROUP = f'<message from="9@g.us" id="3A02" participant="5:2@lid" t="1700000000" type="text"{BODY}'
OWN = f'<message from="77:1@lid" id="3A03" recipient="5@lid" t="1700000000" type="text"{BODY}'


def warning(message_id: str) -> str:
    reason = "failed to decrypt prekey message: received message with old counter (index: 43, count: 42)"
    return f"Ignoring message {message_id} from 5@lid: {reason}"


def ignored(*lines: str, message_id: str, text: str | None = None) -> Any:
    copies = IgnoredCopies()
    for line in lines:
        copies.remember(line)
    return copies.ignored_message(text or warning(message_id), OWN_USERS)


def test_the_event_has_chat_sender_id_and_time() -> None:
    event = ignored(GROUP, DIRECT, message_id="3A01")
    source = event.Info.MessageSource
    assert (event.Info.ID, event.Info.Timestamp, event.IsInitialized()) == ("3A01", 1_700_000_000, True)
    assert (source.Chat.User, source.Sender.User, source.IsGroup, source.IsFromMe) == ("5", "5", False, False)


def test_the_sender_in_a_group_is_the_participant() -> None:
    source = ignored(DIRECT, GROUP, message_id="3A02").Info.MessageSource
    assert (source.Chat.Server, source.Sender.User, source.Sender.Device, source.IsGroup) == ("g.us", "5", 2, True)


def test_a_message_of_the_owner_is_in_the_chat_of_its_recipient() -> None:
    source = ignored(OWN, message_id="3A03").Info.MessageSource
    assert (source.Chat.User, source.IsFromMe) == ("5", True)


def test_a_hidden_message_stays_hidden() -> None:
    hidden = DIRECT.replace("<enc type", '<enc decrypt-fail="hide" type')
    names = [ignored(line, message_id="3A01").DecryptFailMode for line in (DIRECT, hidden)]
    assert names[0] != names[1]


@pytest.mark.parametrize(
    "text",
    [
        "Error decrypting message 3A01 from 5@lid: received message with old counter",
        "Ignoring message 3A01 from 5@lid: the event was already processed",
        "Node handling is taking long",
    ],
)
def test_other_warnings_are_no_event(text: str) -> None:
    assert ignored(DIRECT, message_id="3A01", text=text) is None


def test_messages_of_other_connections_and_between_own_devices_are_no_event() -> None:
    peer = DIRECT.replace("<message from", '<message category="peer" from')
    assert ignored(message_id="3A01") is None
    assert ignored(peer, message_id="3A01") is None


@pytest.mark.parametrize("forged_id", ['3A01" participant="6@lid', '3A01" t="1'])
def test_an_id_that_pretends_to_be_more_attributes_is_no_event(forged_id: str) -> None:
    line = f'<message from="9@g.us" id="{forged_id}" participant="5@lid" t="1700000000" type="text"{BODY}'
    with pytest.raises(StanzaParseError):
        ignored(line, message_id=forged_id)


def test_an_id_that_pretends_to_end_the_tag_is_no_event() -> None:
    line = f'<message from="5@lid" id="3A01"><x/>" t="1700000000" type="text"{BODY}'
    assert ignored(line, message_id='3A01"><x/>') is None


def test_the_number_of_remembered_messages_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ignored_copies, "MAX_REMEMBERED_MESSAGES", 2)
    others = [DIRECT.replace("3A01", f"3B0{number}") for number in range(2)]
    assert ignored(DIRECT, *others, message_id="3A01") is None
    assert ignored(DIRECT, others[0], message_id="3A01") is not None
