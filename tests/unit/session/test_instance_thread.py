"""An InstanceThread with a fake client."""

import json
import queue
import time
from collections.abc import Iterator
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
from services.session.worker.instance_thread import InstanceThread
from services.session.worker.journal.journal import Journal
from services.session.worker.library.stanzas import LoginFailure
from services.session.worker.library.whatsapp_port import (
    AcceptedMessage,
    OwnDevice,
    WhatsAppError,
)
from services.session.worker.mapping.journal_mapping import protobuf_class
from services.session.worker.preload import preload_protobufs
from shared.contracts.events import MessageReceived
from tests.fakes.whatsapp_client import FakeWhatsAppClient
from tests.unit.session.messages import with_required_fields
from tests.unit.session.running_instance import NOW, RunningInstance

preload_protobufs()


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningInstance]:
    monkeypatch.setattr(module, "PUBLISH_GRACE_S", 0.05)
    running = RunningInstance(tmp_path)
    yield running
    running.end()


def test_a_connection_reports_the_addresses_of_the_account(running: RunningInstance) -> None:
    running.client.listener.on_device(OwnDevice("49151:1@s.whatsapp.net", "49151", "77"))
    running.client.listener.on_event("Connected", None)
    assert running.next_frame() == ConnectionUpdate(
        instance_id="sales", event="connected", jid="49151:1@s.whatsapp.net", phone_number="49151", lid="77"
    )


def test_every_qr_code_is_an_attempt(running: RunningInstance) -> None:
    for number in (1, 2):
        running.client.listener.on_qr(f"code {number}")
        code = running.next_frame()
        assert isinstance(code, LinkingCode)
        assert (code.code, code.attempt) == (f"code {number}", number)


def test_a_pairing_timeout_closes_the_client(running: RunningInstance) -> None:
    running.client.listener.on_pairing_status("timeout")
    assert running.next_frame() == ConnectionUpdate(instance_id="sales", event="pairing_timeout")
    assert running.client.ended_with == ["close"]


def test_a_first_connect_that_fails_is_unreachable(running: RunningInstance) -> None:
    running.client.listener.on_connection_ended("dial tcp: refused", server_answered=False)
    assert running.next_frame() == ConnectionUpdate(
        instance_id="sales", event="unreachable", reason="dial tcp: refused"
    )


def test_a_library_that_ends_while_connected_interrupts_the_connection(running: RunningInstance) -> None:
    running.link().client.listener.on_connection_ended(
        "required field neonize.Receipt.Type not set", server_answered=True
    )
    update = running.next_frame()
    assert (update.event, update.reason) == ("interrupted", "required field neonize.Receipt.Type not set")
    assert running.client.ended_with == ["close"]  # before the update is sent, so that nothing of it is online then


def test_a_refused_login_ends_the_connection(running: RunningInstance) -> None:
    running.client.listener.on_login_refused(LoginFailure(418))
    assert running.next_frame() == ConnectionUpdate(instance_id="sales", event="refused", reason="418 client_unknown")
    assert running.client.ended_with == ["close"]


def test_a_number_is_looked_up_once_the_account_is_connected(running: RunningInstance) -> None:
    running.thread.handle(LookUpNumber(instance_id="sales", call_id="q1", phone_number="49151"))
    result = running.next_frame()
    assert (result.call_id, result.error) == ("q1", "the account is not connected to WhatsApp")
    running.link()
    running.thread.handle(LookUpNumber(instance_id="sales", call_id="q2", phone_number="49151"))
    assert running.next_frame() == NumberLookupResult(instance_id="sales", call_id="q2", phone="4915")
    running.thread.handle(LookUpNumber(instance_id="sales", call_id="q3", phone_number="4900"))
    assert running.next_frame().error == "info query timed out"


def test_a_send_before_the_connection_fails_at_once(running: RunningInstance) -> None:
    running.thread.handle(_send("m1"))
    result = running.next_frame()
    assert isinstance(result, SendResult)
    assert (result.outcome, result.code) == ("failed", "not_connected")


def test_sends_have_results_one_after_another(running: RunningInstance) -> None:
    running.link().client.send_results.put(AcceptedMessage("A", NOW))
    running.client.send_results.put(WhatsAppError("server returned error 463"))
    running.thread.handle(_send("m1"))
    running.thread.handle(_send("m2"))
    assert [(result.call_id, result.outcome) for result in (running.next_frame(), running.next_frame())] == [
        ("m1", "accepted"),
        ("m2", "failed"),
    ]


def test_a_send_without_a_reply_is_unconfirmed_and_those_behind_it_fail(running: RunningInstance) -> None:
    running.link().thread.handle(_send("m1", timeout=0.05))
    running.thread.handle(_send("m2", timeout=0.05))
    assert [
        (result.call_id, result.outcome, result.code) for result in (running.next_frame(), running.next_frame())
    ] == [
        ("m1", "unconfirmed", "timeout"),
        ("m2", "failed", "timeout"),
    ]
    running.client.send_results.put(WhatsAppError("late"))


def test_an_event_that_cannot_be_mapped_is_sent_with_the_reason(running: RunningInstance) -> None:
    assert running.link().client.listener.on_raw_event("Message", b"raw")
    entry = running.next_frame()
    assert isinstance(entry, JournaledEvent)
    assert (entry.body, entry.subject) == ("cmF3", "wa.event.message.received.acme.sales")
    assert entry.error is not None
    assert entry.error.startswith("Message: ")


def test_other_events_are_not_journaled(running: RunningInstance) -> None:
    assert not running.link().client.listener.on_raw_event("Presence", b"raw")
    running.client.listener.on_malformed_event("Presence")
    assert running.thread._mapper.ignored == {"broken-Presence": 1}


def test_ignored_events_are_counted(running: RunningInstance) -> None:
    for _ in range(2):
        running.link().client.listener.on_event("KeepAliveTimeout", None)
    running.client.listener.on_event("unknown-99", b"")
    assert running.thread._mapper.ignored == {"KeepAliveTimeout": 2, "unknown-99": 1}


def test_a_stop_closes_the_client_and_is_reported(running: RunningInstance) -> None:
    running.link().thread.stop()
    assert running.next_frame() == ConnectionUpdate(instance_id="sales", event="stopped")
    assert running.client.ended_with == ["close"]


def test_a_stop_of_an_ended_connection_is_reported_too(running: RunningInstance) -> None:
    running.client.listener.on_event("StreamReplaced", None)
    running.thread.stop()
    assert [running.next_frame().event, running.next_frame().event] == ["replaced", "stopped"]


@pytest.mark.parametrize("error", [None, "websocket not connected"])
def test_a_logout_deletes_the_keys_also_when_it_fails_at_whatsapp(running: RunningInstance, error: str | None) -> None:
    running.link().client.logout_error = error
    running.thread.stop(logout=True)
    assert running.next_frame().reason == (f"logout_failed: {error}" if error else None)
    assert running.client.ended_with == ["logout", "close", "delete_keys"]


def test_a_superseded_instance_sends_no_frame(running: RunningInstance) -> None:
    running.link().thread.supersede()
    running.thread.thread.join(10)
    assert running.frames.empty()


def test_a_linked_account_without_keys_is_not_paired_again(tmp_path: Path) -> None:
    running = RunningInstance(tmp_path, linked=True)
    running.client.listener.on_qr("code")
    assert running.next_frame() == ConnectionUpdate(instance_id="sales", event="keys_missing")


@pytest.mark.parametrize(("phone", "answer"), [("4915112345678", "ABCD-EFGH"), ("4900", "no such number")])
def test_a_pairing_code_is_requested_once(tmp_path: Path, phone: str, answer: str) -> None:
    running = RunningInstance(tmp_path, method="code", phone_number=phone)
    running.client.listener.on_qr("first")
    running.client.listener.on_qr("second")
    frame = running.next_frame()
    assert answer == (frame.code if isinstance(frame, LinkingCode) else frame.reason)
    running.end()
    remaining = [type(frame) for frame in _remaining_frames(running)]
    assert remaining == ([ConnectionUpdate] if isinstance(frame, LinkingCode) else [])


def test_entries_of_an_earlier_process_are_sent_first(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite")
    journal.append("wa.event.message.received.acme.sales", json.dumps({"text": "old"}))
    journal.close()
    running = RunningInstance(tmp_path)
    entry = running.next_frame()
    running.thread.confirm(entry.sequence)
    running.end()
    assert len(Journal(tmp_path / "journal.sqlite")) == 0


def test_messages_that_come_in_after_a_send_have_greater_order_keys(running: RunningInstance) -> None:
    linked = running.link()
    later_key = time.time_ns() // 1000 + 120_000_000  # the clock of the router is two minutes ahead
    linked.client.send_results.put(AcceptedMessage("W", NOW))
    linked.thread.handle(_send("m1").model_copy(update={"order_key": later_key}))
    assert isinstance(linked.next_frame(), SendResult)
    for text in ("first", "second"):
        message = library_message(text)
        linked.client.listener.on_raw_event("Message", message.SerializeToString())
    keys = [MessageReceived.model_validate_json(linked.next_frame().body).order_key for _ in range(2)]
    assert keys == [later_key + 1, later_key + 2]


def library_message(text: str) -> Any:
    """A protobuf as the library delivers it."""
    message = protobuf_class("Message")()
    message.Info.ID, message.Info.Timestamp, message.Message.conversation = text, int(NOW.timestamp()), text
    source = message.Info.MessageSource
    for jid in (source.Chat, source.Sender):
        jid.User, jid.Server = "4915112345678", "s.whatsapp.net"
    return with_required_fields(message)


def test_a_directory_that_cannot_be_created_is_a_crash_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    frames: queue.SimpleQueue[Frame] = queue.SimpleQueue()
    start = Start(instance_id="sales", organization_id="acme", directory=str(tmp_path / "file"))
    InstanceThread(start, FakeWhatsAppClient().create, frames.put, lambda _: None).start()
    update = frames.get(timeout=10)
    assert isinstance(update, ConnectionUpdate)
    assert (update.event, (update.reason or "").split(":")[0]) == ("crashed", "FileExistsError")


def _remaining_frames(running: RunningInstance) -> list[Frame]:
    frames = []
    while not running.frames.empty():
        frames.append(running.frames.get())
    return frames


def _send(message_id: str, timeout: float = 10) -> Send:
    return Send(instance_id="sales", call_id=message_id, to="4915112345678", text="hi", timeout_s=timeout)
