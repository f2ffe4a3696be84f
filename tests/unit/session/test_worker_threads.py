"""Each thread of an account meets an error nobody foresaw: a KeyError, thrown on purpose."""

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
from tests.unit.session.test_instance_thread import NOW, FakeWhatsApp, Running


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setattr(module, "PUBLISH_GRACE_S", 0.05)
    running = Running(tmp_path)
    yield running
    running.end()


def test_an_account_whose_pump_fails_is_started_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PUBLISH_GRACE_S", 0.05)

    def broken(*_: object) -> None:
        raise KeyError("thrown on purpose")

    monkeypatch.setattr(Journal, "read_after", broken)
    running = Running(tmp_path)
    ended = running.next()
    assert (ended.event, ended.reason) == ("crashed", "KeyError('thrown on purpose')")
    running.instance.thread.join(10)
    assert running.whatsapp.did == ["close"]


def test_a_send_that_fails_in_our_code_is_answered_and_holds_up_no_other(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    running.linked()

    def broken(*_: object) -> None:
        raise KeyError("thrown on purpose")

    for message_id in ("m1", "m2"):
        with monkeypatch.context() as patched:
            if message_id == "m1":
                patched.setattr("services.session.worker.sender.Sender._execute", broken)
            else:
                running.whatsapp.answers.put(AcceptedMessage("W2", NOW))
            running.instance.handle(
                Send(instance_id="sales", call_id=message_id, to="4915199999999", text="hi", timeout_s=5)
            )
            answer = running.next()
        assert (answer.call_id, answer.outcome) == (message_id, "unconfirmed" if message_id == "m1" else "accepted")


def test_a_pairing_code_that_fails_in_our_code_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> str:
        raise KeyError("thrown on purpose")

    monkeypatch.setattr(FakeWhatsApp, "request_pairing_code", broken)
    running = Running(tmp_path, method="code", phone_number="49151")
    running.whatsapp.listener.on_qr("2@first")
    assert running.next().event == "pairing_failed"
    running.end()


def test_a_presence_that_fails_in_our_code_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise KeyError("thrown on purpose")

    whatsapp, marked = FakeWhatsApp(), queue.SimpleQueue[Any]()
    monkeypatch.setattr(whatsapp, "send_presence", broken)
    connected = threading.Event()
    connected.set()
    attention = PresenceWorker(whatsapp, connected, marked.put, offline_after_s=0.01)
    attention._offline_at = 0.0  # the thread goes offline first
    attention.put(
        SendReadReceipts(instance_id="sales", call_id="r1", wa_ids=("W",), sender="4915199999999", group=None)
    )
    assert marked.get(timeout=10).error is None
    attention._offline_at = 0.0
    attention.put(
        SendReadReceipts(instance_id="sales", call_id="r2", wa_ids=("W",), sender="4915199999999", group=None)
    )
    assert marked.get(timeout=10).error is None
    attention.stop()
