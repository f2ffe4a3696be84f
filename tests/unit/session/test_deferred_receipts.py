"""Own read receipts come behind the messages that were received before them."""

import queue
import threading
from collections.abc import Callable

import pytest

from services.session.worker.library import deferred_receipts as module
from services.session.worker.library.deferred_receipts import NO_CALLBACK_S, DeferredReceipts


def keeping(quiet: Callable[[], float]) -> tuple[DeferredReceipts, "queue.SimpleQueue[bytes]"]:
    heard: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    return DeferredReceipts(quiet, heard.put), heard


def test_nothing_is_handed_on_while_the_library_is_busy() -> None:
    silence = [0.0]
    deferred, heard = keeping(lambda: silence[0])
    deferred.put(b"first")
    deferred.put(b"second")
    assert heard.empty()
    assert len(deferred) == 2
    silence[0] = NO_CALLBACK_S
    assert [heard.get(timeout=10), heard.get(timeout=10)] == [b"first", b"second"]


def test_a_library_that_is_never_silent_does_not_keep_it_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RECEIPT_DELAY_S", 0.05)
    deferred, heard = keeping(lambda: 0.0)
    deferred.put(b"it")
    assert heard.get(timeout=10) == b"it"


def test_what_comes_while_one_is_handed_on_follows() -> None:
    handed: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    inside, go_on = threading.Event(), threading.Event()

    def deliver(item: bytes) -> None:
        inside.set()
        go_on.wait(10)
        handed.put(item)

    deferred = DeferredReceipts(lambda: NO_CALLBACK_S, deliver)
    deferred.put(b"first")
    assert inside.wait(10)
    deferred.put(b"second")
    go_on.set()
    assert [handed.get(timeout=10), handed.get(timeout=10)] == [b"first", b"second"]
