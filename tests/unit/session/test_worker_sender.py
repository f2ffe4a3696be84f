"""A text that waited too long in a worker is not handed to the library any more."""

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
    """Takes a text when it is let, and remembers it."""

    def __init__(self) -> None:
        self.asked: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.may_reply = threading.Event()

    def send_text(self, _to: str, text: str, _timer: ChatTimer | None) -> AcceptedMessage:
        self.asked.put(text)
        assert self.may_reply.wait(TIMEOUT_S)
        return AcceptedMessage("W", NOW)


class Waiting:
    """A sender, what it reported, and a clock that stands still."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = NOW
        monkeypatch.setattr("services.session.worker.sender.utc_now", lambda: self.now)
        self.library, self.reports, connected = Library(), queue.SimpleQueue[SendResult](), threading.Event()
        connected.set()
        self.sender = Sender(cast(WhatsAppClient, self.library), connected, self.reports.put)

    def put(self, text: str, **fields: Any) -> None:
        common = {"instance_id": "sales", "call_id": text, "to": "4915199999999", "text": text}
        self.sender.put(Send(**{**common, "timeout_s": TIMEOUT_S, **fields}))

    def outcome(self) -> tuple[str, str, str | None]:
        sent = self.reports.get(timeout=TIMEOUT_S)
        return sent.call_id, sent.outcome, sent.code


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Waiting]:
    opened = Waiting(monkeypatch)
    yield opened
    opened.library.may_reply.set()
    opened.sender.stop()


def test_a_text_in_time_is_sent(waiting: Waiting) -> None:
    waiting.library.may_reply.set()
    waiting.put("one", expires_at=NOW + timedelta(seconds=1))
    waiting.put("two")
    assert [waiting.outcome() for _ in range(2)] == [("one", "accepted", None), ("two", "accepted", None)]


def test_a_text_that_expired_behind_another_is_not_sent(waiting: Waiting) -> None:
    waiting.put("one")
    waiting.put("two", expires_at=NOW + timedelta(seconds=1))
    assert waiting.library.asked.get(timeout=TIMEOUT_S) == "one"
    waiting.now += timedelta(seconds=1)
    waiting.library.may_reply.set()
    assert [waiting.outcome() for _ in range(2)] == [("one", "accepted", None), ("two", "failed", "too_late")]
    assert waiting.library.asked.empty()


def test_a_text_that_expired_behind_a_call_without_an_answer_is_not_sent(waiting: Waiting) -> None:
    """The library cannot be interrupted: the call goes on after its time, and the next text waits in its line."""
    waiting.put("one", timeout_s=0.01)
    waiting.put("two", expires_at=NOW + timedelta(seconds=1))
    assert waiting.outcome() == ("one", "unconfirmed", "timeout")
    waiting.now += timedelta(seconds=1)
    waiting.library.may_reply.set()
    assert waiting.outcome() == ("two", "failed", "too_late")
    assert (waiting.library.asked.get(), waiting.library.asked.empty()) == ("one", True)
