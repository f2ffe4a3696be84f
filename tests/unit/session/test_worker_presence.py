"""Typing, presence and read ticks of one account, with a library that does what a test says."""

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
from tests.unit.session.test_instance_thread import Running

preload_protobufs()
CONTACT = "77@lid"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    yield running
    running.end()


def show(what: str, seconds: float = 10) -> SendPresence:
    return SendPresence.model_validate(
        {"instance_id": "sales", "to": CONTACT, "action": what, "until": utc_now() + timedelta(seconds=seconds)}
    )


def mark(mark_id: str = "m1") -> SendReadReceipts:
    return SendReadReceipts(instance_id="sales", call_id=mark_id, wa_ids=("A", "B"), sender=CONTACT)


def shown(running: Running, count: int) -> list[str]:
    return [running.whatsapp.shown.get(timeout=10) for _ in range(count)]


def test_the_account_comes_online_once_and_types_in_order(running: Running) -> None:
    running.linked()
    for what in ("composing", "recording", "paused", "subscribe"):
        running.instance.handle(show(what))
    assert shown(running, 5) == [
        "online",
        f"composing to {CONTACT}",
        f"recording to {CONTACT}",
        f"paused to {CONTACT}",
        f"watch {CONTACT}",
    ]


def test_what_is_late_is_not_shown(running: Running) -> None:
    running.linked().instance.handle(show("composing", seconds=-0.001))
    running.instance.handle(show("paused"))
    assert shown(running, 2) == ["online", f"paused to {CONTACT}"]


def test_after_a_reconnect_the_account_comes_online_again(running: Running) -> None:
    running.linked().instance.handle(show("composing"))
    assert shown(running, 2)[0] == "online"
    running.whatsapp.listener.on_event("Disconnected", None)
    running.whatsapp.listener.on_event("Connected", None)
    running.instance.handle(show("composing"))
    assert shown(running, 2) == ["online", f"composing to {CONTACT}"]


def test_after_a_reconnect_those_are_watched_again_whom_somebody_looks_at(running: Running) -> None:
    running.linked().instance.handle(show("subscribe"))
    assert shown(running, 2) == ["online", f"watch {CONTACT}"]
    running.whatsapp.listener.on_event("Disconnected", None)
    running.whatsapp.listener.on_event("Connected", None)
    assert shown(running, 2) == ["online", f"watch {CONTACT}"]


def test_after_a_reconnect_nobody_is_watched_whom_nobody_looks_at_any_more(running: Running) -> None:
    running.linked()
    attention = PresenceWorker(running.whatsapp, running.instance._connected, running.said.put, offline_after_s=0.05)
    attention.put(show("subscribe"))
    assert shown(running, 3) == ["online", f"watch {CONTACT}", "offline"]
    attention.on_disconnected()
    attention.on_connected()
    attention.put(show("composing"))
    assert shown(running, 2) == ["online", f"composing to {CONTACT}"]
    attention.stop()


def test_an_account_nobody_looks_at_goes_offline(running: Running) -> None:
    running.linked()
    attention = PresenceWorker(running.whatsapp, running.instance._connected, running.said.put, offline_after_s=0.05)
    attention.put(show("composing"))
    assert shown(running, 3) == ["online", f"composing to {CONTACT}", "offline"]
    attention.stop()


def test_read_ticks_are_answered(running: Running) -> None:
    running.instance.handle(mark("early"))
    assert running.next() == ReadReceiptsResult(instance_id="sales", call_id="early", error=NOT_CONNECTED_ERROR)
    running.linked().instance.handle(mark())
    assert running.next() == ReadReceiptsResult(instance_id="sales", call_id="m1")
    assert shown(running, 1) == [f"read A B of {CONTACT}"]
    running.whatsapp.mark_error = "no such chat"
    running.instance.handle(mark("m2"))
    assert running.next() == ReadReceiptsResult(instance_id="sales", call_id="m2", error="no such chat")


def test_typing_and_presence_are_told_and_not_journalled(running: Running) -> None:
    protobufs = sys.modules["neonize.proto.Neonize_pb2"]
    presence = protobufs.Presence(From=jid("77", "lid"), Unavailable=True, LastSeen=1_767_225_600)
    assert not running.linked().whatsapp.listener.on_raw_event("Presence", presence.SerializePartialToString())
    running.whatsapp.listener.on_event("Presence", presence)
    told = running.next()
    assert isinstance(told, EphemeralObserved)
    gone = parse_ephemeral(told.subject, told.body.encode())
    assert isinstance(gone, PresenceObserved)
    assert (gone.sender.lid, gone.available, gone.last_seen and gone.last_seen.year) == ("77", False, 2026)

    source = protobufs.MessageSource(Chat=jid("77", "lid"), Sender=jid("77", "lid"), SenderAlt=jid("4915"))
    typing = protobufs.ChatPresence(
        MessageSource=source, State=protobufs.ChatPresence.COMPOSING, Media=protobufs.ChatPresence.AUDIO
    )
    running.whatsapp.listener.on_event("ChatPresence", typing)
    told = running.next()
    seen = parse_ephemeral(told.subject, told.body.encode())
    assert isinstance(seen, TypingObserved)
    assert (seen.sender.lid, seen.sender.phone, seen.state, seen.group) == ("77", "4915", "recording", None)

    typing.MessageSource.IsFromMe = True
    running.whatsapp.listener.on_event("ChatPresence", typing)
    running.whatsapp.listener.on_event("Presence", protobufs.Presence())
    assert running.instance._mapper.ignored == {"typing-own": 1, "broken-Presence": 1}


def jid(user: str, server: str = "s.whatsapp.net") -> object:
    return sys.modules["neonize.proto.Neonize_pb2"].JID(User=user, Server=server)
