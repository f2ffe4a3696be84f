"""Typing, presence and read receipts of one account, with a fake client."""

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from services.session.ipc.messages import EphemeralObserved, ReadReceiptsResult, SendPresence, SendReadReceipts
from services.session.worker.library.whatsapp_port import NOT_CONNECTED_ERROR
from services.session.worker.preload import preload_protobufs
from services.session.worker.presence_worker import PresenceWorker
from shared.contracts.ephemeral import PresenceObserved, TypingObserved
from shared.contracts.message import utc_now
from shared.contracts.registry import parse_ephemeral
from tests.unit.session.running_instance import RunningInstance

preload_protobufs()
CONTACT = "77@lid"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningInstance]:
    running = RunningInstance(tmp_path)
    yield running
    running.end()


def presence(action: str, seconds: float = 10) -> SendPresence:
    return SendPresence.model_validate(
        {"instance_id": "sales", "to": CONTACT, "action": action, "until": utc_now() + timedelta(seconds=seconds)}
    )


def read_receipts(call_id: str = "m1") -> SendReadReceipts:
    return SendReadReceipts(instance_id="sales", call_id=call_id, wa_ids=("A", "B"), sender=CONTACT)


def presence_calls(running: RunningInstance, count: int) -> list[str]:
    return [running.client.presence_calls.get(timeout=10) for _ in range(count)]


def test_the_account_is_shown_online_once_and_types_in_order(running: RunningInstance) -> None:
    running.link()
    for action in ("composing", "recording", "paused", "subscribe"):
        running.thread.handle(presence(action))
    assert presence_calls(running, 5) == [
        "online",
        f"composing to {CONTACT}",
        f"recording to {CONTACT}",
        f"paused to {CONTACT}",
        f"subscribe {CONTACT}",
    ]


def test_expired_typing_is_not_sent(running: RunningInstance) -> None:
    running.link().thread.handle(presence("composing", seconds=-0.001))
    running.thread.handle(presence("paused"))
    assert presence_calls(running, 2) == ["online", f"paused to {CONTACT}"]


def test_after_a_reconnect_the_account_is_shown_online_again(running: RunningInstance) -> None:
    running.link().thread.handle(presence("composing"))
    assert presence_calls(running, 2)[0] == "online"
    running.client.listener.on_event("Disconnected", None)
    running.client.listener.on_event("Connected", None)
    running.thread.handle(presence("composing"))
    assert presence_calls(running, 2) == ["online", f"composing to {CONTACT}"]


def test_subscriptions_are_renewed_after_a_reconnect(running: RunningInstance) -> None:
    running.link().thread.handle(presence("subscribe"))
    assert presence_calls(running, 2) == ["online", f"subscribe {CONTACT}"]
    running.client.listener.on_event("Disconnected", None)
    running.client.listener.on_event("Connected", None)
    assert presence_calls(running, 2) == ["online", f"subscribe {CONTACT}"]


def test_expired_subscriptions_are_not_renewed_after_a_reconnect(running: RunningInstance) -> None:
    running.link()
    worker = PresenceWorker(running.client, running.thread._connected, running.frames.put, offline_after_s=0.05)
    worker.put(presence("subscribe"))
    assert presence_calls(running, 3) == ["online", f"subscribe {CONTACT}", "offline"]
    worker.on_disconnected()
    worker.on_connected()
    worker.put(presence("composing"))
    assert presence_calls(running, 2) == ["online", f"composing to {CONTACT}"]
    worker.stop()


def test_an_account_without_requests_goes_offline(running: RunningInstance) -> None:
    running.link()
    worker = PresenceWorker(running.client, running.thread._connected, running.frames.put, offline_after_s=0.05)
    worker.put(presence("composing"))
    assert presence_calls(running, 3) == ["online", f"composing to {CONTACT}", "offline"]
    worker.stop()


def test_read_receipts_have_a_result(running: RunningInstance) -> None:
    running.thread.handle(read_receipts("early"))
    assert running.next_frame() == ReadReceiptsResult(instance_id="sales", call_id="early", error=NOT_CONNECTED_ERROR)
    running.link().thread.handle(read_receipts())
    assert running.next_frame() == ReadReceiptsResult(instance_id="sales", call_id="m1")
    assert presence_calls(running, 1) == [f"read A B of {CONTACT}"]
    running.client.mark_read_error = "no such chat"
    running.thread.handle(read_receipts("m2"))
    assert running.next_frame() == ReadReceiptsResult(instance_id="sales", call_id="m2", error="no such chat")


def test_typing_and_presence_are_reported_and_not_journaled(running: RunningInstance) -> None:
    protobufs = sys.modules["neonize.proto.Neonize_pb2"]
    presence = protobufs.Presence(From=jid("77", "lid"), Unavailable=True, LastSeen=1_767_225_600)
    assert not running.link().client.listener.on_raw_event("Presence", presence.SerializePartialToString())
    running.client.listener.on_event("Presence", presence)
    frame = running.next_frame()
    assert isinstance(frame, EphemeralObserved)
    observed = parse_ephemeral(frame.subject, frame.body.encode())
    assert isinstance(observed, PresenceObserved)
    assert (observed.sender.lid, observed.available, observed.last_seen and observed.last_seen.year) == (
        "77",
        False,
        2026,
    )

    source = protobufs.MessageSource(Chat=jid("77", "lid"), Sender=jid("77", "lid"), SenderAlt=jid("4915"))
    typing = protobufs.ChatPresence(
        MessageSource=source, State=protobufs.ChatPresence.COMPOSING, Media=protobufs.ChatPresence.AUDIO
    )
    running.client.listener.on_event("ChatPresence", typing)
    frame = running.next_frame()
    observed = parse_ephemeral(frame.subject, frame.body.encode())
    assert isinstance(observed, TypingObserved)
    assert (observed.sender.lid, observed.sender.phone, observed.state, observed.group) == (
        "77",
        "4915",
        "recording",
        None,
    )

    typing.MessageSource.IsFromMe = True
    running.client.listener.on_event("ChatPresence", typing)
    running.client.listener.on_event("Presence", protobufs.Presence())
    assert running.thread._mapper.ignored == {"typing-own": 1, "broken-Presence": 1}


def jid(user: str, server: str = "s.whatsapp.net") -> object:
    return sys.modules["neonize.proto.Neonize_pb2"].JID(User=user, Server=server)
