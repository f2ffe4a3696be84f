"""Each thread of an account meets an unexpected error: a KeyError, raised on purpose."""

import queue
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.session.ipc.messages import Send, SendReadReceipts
from services.session.worker import instance_thread as module
from services.session.worker.journal.journal import Journal
from services.session.worker.library.whatsapp_port import AcceptedMessage
from services.session.worker.presence_worker import PresenceWorker
from tests.fakes.whatsapp_client import FakeWhatsAppClient
from tests.unit.session.running_instance import NOW, RunningInstance


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningInstance]:
    monkeypatch.setattr(module, "PUBLISH_GRACE_S", 0.05)
    running = RunningInstance(tmp_path)
    yield running
    running.end()


def test_an_account_whose_forwarder_fails_crashes_so_that_it_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PUBLISH_GRACE_S", 0.05)

    def broken(*_: object) -> None:
        raise KeyError("raised on purpose")

    monkeypatch.setattr(Journal, "read_after", broken)
    running = RunningInstance(tmp_path)
    update = running.next_frame()
    assert (update.event, update.reason) == ("crashed", "KeyError('raised on purpose')")
    running.thread.thread.join(10)
    assert running.client.ended_with == ["close"]


def test_a_send_that_fails_in_our_code_has_a_result_and_does_not_block_the_next(
    running: RunningInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.link()

    def broken(*_: object) -> None:
        raise KeyError("raised on purpose")

    for message_id in ("m1", "m2"):
        with monkeypatch.context() as patched:
            if message_id == "m1":
                patched.setattr("services.session.worker.sender.Sender._execute", broken)
            else:
                running.client.send_results.put(AcceptedMessage("W2", NOW))
            running.thread.handle(
                Send(instance_id="sales", call_id=message_id, to="4915199999999", text="hi", timeout_s=5)
            )
            result = running.next_frame()
        assert (result.call_id, result.outcome) == (message_id, "unconfirmed" if message_id == "m1" else "accepted")


def test_a_pairing_code_that_fails_in_our_code_is_a_failed_pairing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> str:
        raise KeyError("raised on purpose")

    monkeypatch.setattr(FakeWhatsAppClient, "request_pairing_code", broken)
    running = RunningInstance(tmp_path, method="code", phone_number="49151")
    running.client.listener.on_qr("2@first")
    assert running.next_frame().event == "pairing_failed"
    running.end()


def test_a_presence_that_fails_in_our_code_does_not_block_the_next_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("raised on purpose")

    client, results = FakeWhatsAppClient(), queue.SimpleQueue[Any]()
    monkeypatch.setattr(client, "send_presence", broken)
    connected = threading.Event()
    connected.set()
    presence = PresenceWorker(client, connected, results.put, offline_after_s=0.01)
    presence._offline_at = 0.0  # the thread goes offline first
    presence.put(SendReadReceipts(instance_id="sales", call_id="r1", wa_ids=("W",), sender="4915199999999", group=None))
    assert results.get(timeout=10).error is None
    presence._offline_at = 0.0
    presence.put(SendReadReceipts(instance_id="sales", call_id="r2", wa_ids=("W",), sender="4915199999999", group=None))
    assert results.get(timeout=10).error is None
    presence.stop()
