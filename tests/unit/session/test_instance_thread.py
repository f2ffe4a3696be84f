"""An instance with a library that does what a test says."""

import json
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from services.session.ipc.messages import (
    ConnectionUpdate,
    Frame,
    JournaledEvent,
    LinkingCode,
    LookUpNumber,
    NumberLookupResult,
    Send,
    SendResult,
    Start,
)
from services.session.worker import instance_thread as module
from services.session.worker.chat_timers import ChatTimer
from services.session.worker.instance_thread import InstanceThread
from services.session.worker.journal.journal import Journal
from services.session.worker.library.stanzas import LoginFailure
from services.session.worker.library.whatsapp_port import (
    AcceptedMessage,
    ClientListener,
    OwnDevice,
    RegisteredNumber,
    WhatsAppError,
)
from services.session.worker.mapping.journal_mapping import protobuf_class
from services.session.worker.preload import preload_protobufs
from shared.contracts.ephemeral import TypingState
from shared.contracts.events import MessageReceived

preload_protobufs()
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class FakeWhatsApp:
    def __init__(self) -> None:
        self.listener: ClientListener
        self.did: list[str] = []
        self.connected = threading.Event()
        self.answers: queue.SimpleQueue[AcceptedMessage | WhatsAppError] = queue.SimpleQueue()
        self.shown: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.logout_error: str | None = None
        self.mark_error: str | None = None

    def open(self, start: Start, listener: ClientListener) -> "FakeWhatsApp":
        self.listener = listener
        return self

    def connect(self) -> None:
        self.connected.set()

    def request_pairing_code(self, phone: str) -> str:
        if phone == "4900":
            raise WhatsAppError("no such number")
        return "ABCDEFGH"

    def send_text(self, to: str, text: str, timer: ChatTimer | None = None) -> AcceptedMessage:
        answer = self.answers.get()
        if isinstance(answer, WhatsAppError):
            raise answer
        return answer

    def send_presence(self, online: bool) -> None:
        self.shown.put("online" if online else "offline")

    def send_typing(self, to: str, state: TypingState) -> None:
        self.shown.put(f"{state} to {to}")

    def subscribe_presence(self, to: str) -> None:
        self.shown.put(f"watch {to}")

    def mark_read(self, wa_ids: Sequence[str], sender: str, group: str | None) -> None:
        if self.mark_error:
            raise WhatsAppError(self.mark_error)
        self.shown.put(f"read {' '.join(wa_ids)} of {sender}")

    def look_up_number(self, number: str) -> RegisteredNumber:
        if number == "4900":
            raise WhatsAppError("info query timed out")
        return RegisteredNumber(phone=number[:-1])

    def logout(self) -> None:
        self.did.append("logout")
        if self.logout_error:
            raise WhatsAppError(self.logout_error)

    def close(self) -> None:
        self.did.append("close")

    def delete_keys(self) -> None:
        self.did.append("forget")


class Running:
    """An instance and what it said."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self.whatsapp, self.said = FakeWhatsApp(), queue.SimpleQueue[Frame]()
        start = Start(instance_id="sales", organization_id="acme", directory=str(folder), **options)
        self.instance = InstanceThread(start, self.whatsapp.open, self.said.put, lambda _: None)
        self.instance.start()
        assert self.whatsapp.connected.wait(10)

    def next(self) -> Any:
        return self.said.get(timeout=10)

    def linked(self) -> "Running":
        self.whatsapp.listener.on_device(OwnDevice("49151:1@s.whatsapp.net", "49151", "77"))
        self.whatsapp.listener.on_event("Connected", None)
        assert self.next().event == "connected"
        return self

    def end(self) -> None:
        self.instance.stop(supervisor_gone=True)
        self.instance.thread.join(10)


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setattr(module, "PUBLISH_GRACE_S", 0.05)
    running = Running(tmp_path)
    yield running
    running.end()


def test_a_connection_names_the_account(running: Running) -> None:
    running.whatsapp.listener.on_device(OwnDevice("49151:1@s.whatsapp.net", "49151", "77"))
    running.whatsapp.listener.on_event("Connected", None)
    assert running.next() == ConnectionUpdate(
        instance_id="sales", event="connected", jid="49151:1@s.whatsapp.net", phone_number="49151", lid="77"
    )


def test_every_qr_code_is_an_attempt(running: Running) -> None:
    for number in (1, 2):
        running.whatsapp.listener.on_qr(f"code {number}")
        issued = running.next()
        assert isinstance(issued, LinkingCode)
        assert (issued.code, issued.attempt) == (f"code {number}", number)


def test_a_pairing_that_timed_out_closes_the_client(running: Running) -> None:
    running.whatsapp.listener.on_pairing_status("timeout")
    assert running.next() == ConnectionUpdate(instance_id="sales", event="pairing_timeout")
    assert running.whatsapp.did == ["close"]


def test_a_first_connect_that_fails_is_unreachable(running: Running) -> None:
    running.whatsapp.listener.on_connection_ended("dial tcp: refused", server_answered=False)
    assert running.next() == ConnectionUpdate(instance_id="sales", event="unreachable", reason="dial tcp: refused")


def test_a_library_that_ends_while_it_is_connected_interrupts_the_account(running: Running) -> None:
    running.linked().whatsapp.listener.on_connection_ended(
        "required field neonize.Receipt.Type not set", server_answered=True
    )
    interrupted = running.next()
    assert (interrupted.event, interrupted.reason) == ("interrupted", "required field neonize.Receipt.Type not set")
    assert running.whatsapp.did == ["close"]  # before it is told, so that nothing of it is online


def test_a_refused_login_ends_the_connection(running: Running) -> None:
    running.whatsapp.listener.on_login_refused(LoginFailure(418))
    assert running.next() == ConnectionUpdate(instance_id="sales", event="refused", reason="418 client_unknown")
    assert running.whatsapp.did == ["close"]


def test_a_number_is_looked_up_once_the_account_is_connected(running: Running) -> None:
    running.instance.handle(LookUpNumber(instance_id="sales", call_id="q1", phone_number="49151"))
    early = running.next()
    assert (early.call_id, early.error) == ("q1", "the account is not connected to WhatsApp")
    running.linked()
    running.instance.handle(LookUpNumber(instance_id="sales", call_id="q2", phone_number="49151"))
    assert running.next() == NumberLookupResult(instance_id="sales", call_id="q2", phone="4915")
    running.instance.handle(LookUpNumber(instance_id="sales", call_id="q3", phone_number="4900"))
    assert running.next().error == "info query timed out"


def test_a_send_before_the_connection_fails_at_once(running: Running) -> None:
    running.instance.handle(_send("m1"))
    sent = running.next()
    assert isinstance(sent, SendResult)
    assert (sent.outcome, sent.code) == ("failed", "not_connected")


def test_sends_are_answered_one_after_another(running: Running) -> None:
    running.linked().whatsapp.answers.put(AcceptedMessage("A", NOW))
    running.whatsapp.answers.put(WhatsAppError("server returned error 463"))
    running.instance.handle(_send("m1"))
    running.instance.handle(_send("m2"))
    assert [(sent.call_id, sent.outcome) for sent in (running.next(), running.next())] == [
        ("m1", "accepted"),
        ("m2", "failed"),
    ]


def test_a_send_without_an_answer_is_unconfirmed_and_those_behind_it_fail(running: Running) -> None:
    running.linked().instance.handle(_send("m1", timeout=0.05))
    running.instance.handle(_send("m2", timeout=0.05))
    assert [(sent.call_id, sent.outcome, sent.code) for sent in (running.next(), running.next())] == [
        ("m1", "unconfirmed", "timeout"),
        ("m2", "failed", "timeout"),
    ]
    running.whatsapp.answers.put(WhatsAppError("late"))


def test_what_cannot_be_translated_is_kept_with_the_reason(running: Running) -> None:
    assert running.linked().whatsapp.listener.on_raw_event("Message", b"raw")
    entry = running.next()
    assert isinstance(entry, JournaledEvent)
    assert (entry.body, entry.subject) == ("cmF3", "wa.event.message.received.acme.sales")
    assert entry.error is not None
    assert entry.error.startswith("Message: ")


def test_other_events_are_not_kept(running: Running) -> None:
    assert not running.linked().whatsapp.listener.on_raw_event("Presence", b"raw")
    running.whatsapp.listener.on_malformed_event("Presence")
    assert running.instance._mapper.ignored == {"broken-Presence": 1}


def test_events_nobody_needs_are_counted(running: Running) -> None:
    for _ in range(2):
        running.linked().whatsapp.listener.on_event("KeepAliveTimeout", None)
    running.whatsapp.listener.on_event("unknown-99", b"")
    assert running.instance._mapper.ignored == {"KeepAliveTimeout": 2, "unknown-99": 1}


def test_stopping_closes_and_is_answered(running: Running) -> None:
    running.linked().instance.stop()
    assert running.next() == ConnectionUpdate(instance_id="sales", event="stopped")
    assert running.whatsapp.did == ["close"]


def test_a_stop_that_meets_an_end_is_answered_all_the_same(running: Running) -> None:
    running.whatsapp.listener.on_event("StreamReplaced", None)
    running.instance.stop()
    assert [running.next().event, running.next().event] == ["replaced", "stopped"]


@pytest.mark.parametrize("error", [None, "websocket not connected"])
def test_a_logout_deletes_the_keys_even_when_whatsapp_cannot_be_told(running: Running, error: str | None) -> None:
    running.linked().whatsapp.logout_error = error
    running.instance.stop(logout=True)
    assert running.next().reason == (f"logout_failed: {error}" if error else None)
    assert running.whatsapp.did == ["logout", "close", "forget"]


def test_an_account_given_away_ends_without_a_word(running: Running) -> None:
    running.linked().instance.supersede()
    running.instance.thread.join(10)
    assert running.said.empty()


def test_a_linked_account_without_keys_is_not_paired_anew(tmp_path: Path) -> None:
    running = Running(tmp_path, linked=True)
    running.whatsapp.listener.on_qr("code")
    assert running.next() == ConnectionUpdate(instance_id="sales", event="keys_missing")


@pytest.mark.parametrize(("phone", "answer"), [("4915112345678", "ABCD-EFGH"), ("4900", "no such number")])
def test_a_code_to_type_is_asked_for_once(tmp_path: Path, phone: str, answer: str) -> None:
    running = Running(tmp_path, method="code", phone_number=phone)
    running.whatsapp.listener.on_qr("first")
    running.whatsapp.listener.on_qr("second")
    said = running.next()
    assert answer == (said.code if isinstance(said, LinkingCode) else said.reason)
    running.end()
    assert [type(frame) for frame in _rest(running)] == ([ConnectionUpdate] if isinstance(said, LinkingCode) else [])


def test_what_an_earlier_process_left_is_sent_first(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    journal.append("wa.event.message.received.acme.sales", json.dumps({"text": "old"}))
    journal.close()
    running = Running(tmp_path)
    entry = running.next()
    running.instance.confirm(entry.sequence)
    running.end()
    assert len(Journal(tmp_path / "journal.sqlite")) == 0


def test_what_arrives_after_a_text_was_to_be_sent_has_a_greater_order_key(running: Running) -> None:
    linked = running.linked()
    ahead = time.time_ns() // 1000 + 120_000_000  # the clock of who accepted it is two minutes ahead
    linked.whatsapp.answers.put(AcceptedMessage("W", NOW))
    linked.instance.handle(_send("m1").model_copy(update={"order_key": ahead}))
    assert isinstance(linked.next(), SendResult)
    for text in ("first", "second"):
        message = wire(text)
        linked.whatsapp.listener.on_raw_event("Message", message.SerializeToString())
    keys = [MessageReceived.model_validate_json(linked.next().body).order_key for _ in range(2)]
    assert keys == [ahead + 1, ahead + 2]


def wire(text: str) -> Any:
    """A message as the library delivers it."""
    message = protobuf_class("Message")()
    message.Info.ID, message.Info.Timestamp, message.Message.conversation = text, int(NOW.timestamp()), text
    source = message.Info.MessageSource
    for jid in (source.Chat, source.Sender):
        jid.User, jid.Server = "4915112345678", "s.whatsapp.net"
    return complete(message)


def complete(message: Any) -> Any:
    """With every field that neonize requires."""
    for field in message.DESCRIPTOR.fields:
        if not field.is_required:
            continue
        if field.message_type:
            complete(getattr(message, field.name)).SetInParent()
        elif not message.HasField(field.name):
            setattr(message, field.name, field.default_value)
    return message


def test_a_directory_that_cannot_be_made_is_a_crash_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    said: queue.SimpleQueue[Frame] = queue.SimpleQueue()
    start = Start(instance_id="sales", organization_id="acme", directory=str(tmp_path / "file"))
    InstanceThread(start, FakeWhatsApp().open, said.put, lambda _: None).start()
    crashed = said.get(timeout=10)
    assert isinstance(crashed, ConnectionUpdate)
    assert (crashed.event, (crashed.reason or "").split(":")[0]) == ("crashed", "FileExistsError")


def _rest(running: Running) -> list[Frame]:
    frames = []
    while not running.said.empty():
        frames.append(running.said.get())
    return frames


def _send(message_id: str, timeout: float = 10) -> Send:
    return Send(instance_id="sales", call_id=message_id, to="4915112345678", text="hi", timeout_s=timeout)
