"""A text that has waited longer than its sender allows is not sent."""

import queue
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from services.session.ipc.messages import Send, SendResult
from services.session.worker.chat_timers import ChatTimer
from services.session.worker.library.whatsapp_port import AcceptedMessage, WhatsAppClient
from services.session.worker.sender import Sender

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TIMEOUT_S = 60.0


class Library:
    """Sends a text when the test allows it."""

    def __init__(self) -> None:
        self.texts: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.may_reply = threading.Event()

    def send_text(self, _to: str, text: str, _timer: ChatTimer | None) -> AcceptedMessage:
        self.texts.put(text)
        assert self.may_reply.wait(TIMEOUT_S)
        return AcceptedMessage("W", NOW)


class SenderBed:
    """A sender, its results, and a clock that stands still."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = NOW
        monkeypatch.setattr("services.session.worker.sender.utc_now", lambda: self.now)
        self.library = Library()
        self.results: queue.SimpleQueue[SendResult] = queue.SimpleQueue()
        connected = threading.Event()
        connected.set()
        self.sender = Sender(cast(WhatsAppClient, self.library), connected, self.results.put)

    def put(self, text: str, **fields: Any) -> None:
        defaults = {"instance_id": "sales", "call_id": text, "to": "4915199999999", "text": text}
        self.sender.put(Send(**{**defaults, "timeout_s": TIMEOUT_S, **fields}))

    def next_result(self) -> tuple[str, str, str | None]:
        result = self.results.get(timeout=TIMEOUT_S)
        return result.call_id, result.outcome, result.code


@pytest.fixture
def sending(monkeypatch: pytest.MonkeyPatch) -> Iterator[SenderBed]:
    sending = SenderBed(monkeypatch)
    yield sending
    sending.library.may_reply.set()
    sending.sender.stop()


def test_a_text_in_time_is_sent(sending: SenderBed) -> None:
    sending.library.may_reply.set()
    sending.put("one", expires_at=NOW + timedelta(seconds=1))
    sending.put("two")
    assert [sending.next_result() for _ in range(2)] == [("one", "accepted", None), ("two", "accepted", None)]


def test_a_text_that_expired_behind_another_is_not_sent(sending: SenderBed) -> None:
    sending.put("one")
    sending.put("two", expires_at=NOW + timedelta(seconds=1))
    assert sending.library.texts.get(timeout=TIMEOUT_S) == "one"
    sending.now += timedelta(seconds=1)
    sending.library.may_reply.set()
    assert [sending.next_result() for _ in range(2)] == [("one", "accepted", None), ("two", "failed", "too_late")]
    assert sending.library.texts.empty()


def test_a_text_that_expired_behind_a_call_without_an_answer_is_not_sent(sending: SenderBed) -> None:
    """The library cannot be interrupted: its call continues after the timeout, and the next text waits behind it."""
    sending.put("one", timeout_s=0.01)
    sending.put("two", expires_at=NOW + timedelta(seconds=1))
    assert sending.next_result() == ("one", "unconfirmed", "timeout")
    sending.now += timedelta(seconds=1)
    sending.library.may_reply.set()
    assert sending.next_result() == ("two", "failed", "too_late")
    assert (sending.library.texts.get(), sending.library.texts.empty()) == ("one", True)


def test_a_text_that_is_overdue_behind_another_fails_and_is_never_sent(sending: SenderBed) -> None:
    sending.put("one")
    assert sending.library.texts.get(timeout=TIMEOUT_S) == "one"
    sending.put("two", timeout_s=0.01)
    assert sending.next_result() == ("two", "failed", "timeout")
    sending.library.may_reply.set()
    assert sending.next_result() == ("one", "accepted", None)
    sending.put("three")
    assert sending.next_result() == ("three", "accepted", None)
    assert (sending.library.texts.get(), sending.library.texts.empty()) == ("three", True)


def test_an_overdue_text_is_reported_also_after_a_time_without_sends(sending: SenderBed) -> None:
    sending.library.may_reply.set()
    earlier = set(threading.enumerate())
    sending.put("one", timeout_s=0.05)
    assert sending.next_result()[0] == "one"
    for thread in set(threading.enumerate()) - earlier:
        thread.join(TIMEOUT_S)
        assert not thread.is_alive()
    sending.library.may_reply.clear()
    sending.put("two", timeout_s=0.01)
    assert sending.next_result() == ("two", "unconfirmed", "timeout")


def test_a_reply_after_the_timeout_is_no_second_result(sending: SenderBed) -> None:
    sending.put("one", timeout_s=0.01)
    assert sending.next_result() == ("one", "unconfirmed", "timeout")
    sending.library.may_reply.set()
    sending.put("two")
    assert sending.next_result() == ("two", "accepted", None)
    assert sending.results.empty()
