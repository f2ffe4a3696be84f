"""Threads in which the driver works. Each operation that waits for MongoDB takes one, and their number is bounded.

A write to a document that a transaction has changed waits in its thread until the transaction ends. Many such writes
would take all threads, and the transaction would find none for its next operation: both would wait until MongoDB aborts
the transaction after a minute. So the operations of transactions have threads of their own; they never wait for another
transaction, for MongoDB refuses theirs at once.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

MAX_THREADS = min(5 * (os.cpu_count() or 1), 64)
"""For what belongs to no transaction; less than the 100 connections of the driver."""
MAX_TRANSACTION_THREADS = 8

_in_transaction: ContextVar[bool] = ContextVar("in_transaction", default=False)


@contextmanager
def transaction_threads() -> Iterator[None]:
    """What is asked of MongoDB inside has the threads of transactions."""
    token = _in_transaction.set(True)
    try:
        yield
    finally:
        _in_transaction.reset(token)


class Threads(ThreadPoolExecutor):
    def __init__(self) -> None:
        super().__init__(MAX_THREADS, "mongo")
        self._of_transactions = ThreadPoolExecutor(MAX_TRANSACTION_THREADS, "mongo-transaction")

    def submit(self, fn: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        if _in_transaction.get():
            return self._of_transactions.submit(fn, *args, **named)
        return super().submit(fn, *args, **named)
