"""Read receipts of the owner are delivered after the messages that came in before them."""

import queue
import threading
from collections.abc import Callable

import pytest

from services.session.worker.library import deferred_receipts as module
from services.session.worker.library.deferred_receipts import RECEIPT_QUIET_PERIOD_S, DeferredReceipts


def created(seconds_since_callback: Callable[[], float]) -> tuple[DeferredReceipts, "queue.SimpleQueue[bytes]"]:
    delivered: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    return DeferredReceipts(seconds_since_callback, delivered.put), delivered


def test_no_receipt_is_delivered_while_callbacks_run() -> None:
    seconds = [0.0]
    deferred, delivered = created(lambda: seconds[0])
    deferred.put(b"first")
    deferred.put(b"second")
    assert delivered.empty()
    assert len(deferred) == 2
    seconds[0] = RECEIPT_QUIET_PERIOD_S
    assert [delivered.get(timeout=10), delivered.get(timeout=10)] == [b"first", b"second"]


def test_callbacks_that_never_stop_delay_a_receipt_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_RECEIPT_DELAY_S", 0.05)
    deferred, delivered = created(lambda: 0.0)
    deferred.put(b"receipt")
    assert delivered.get(timeout=10) == b"receipt"


def test_a_receipt_that_comes_in_during_a_delivery_is_delivered_next() -> None:
    delivered: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    is_delivering, may_return = threading.Event(), threading.Event()

    def deliver(item: bytes) -> None:
        is_delivering.set()
        may_return.wait(10)
        delivered.put(item)

    deferred = DeferredReceipts(lambda: RECEIPT_QUIET_PERIOD_S, deliver)
    deferred.put(b"first")
    assert is_delivering.wait(10)
    deferred.put(b"second")
    may_return.set()
    assert [delivered.get(timeout=10), delivered.get(timeout=10)] == [b"first", b"second"]
