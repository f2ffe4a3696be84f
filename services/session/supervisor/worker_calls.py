"""Requests to worker processes and zygotes that wait for their reply."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from services.session.ipc.messages import Frame, ReplyFrame, ReplyT, RequestFrame


class NoWorker(ConnectionError):
    """The instance has no worker process: the request was not sent."""


class WorkerLost(ConnectionError):
    """The process ended before it replied; it may have carried out the request."""


class WorkerGateway(Protocol):
    """The way to the worker process of an instance (worker_pool.py)."""

    def send(self, instance_id: str, frame: Frame) -> bool:
        """False: the instance has no worker."""

    def call(self, instance_id: str, request: RequestFrame[ReplyT], timeout_s: float) -> asyncio.Future[ReplyT]:
        """Send the request at once; the reply to come. Raises NoWorker. The future fails with WorkerLost or
        TimeoutError."""


@dataclass(frozen=True)
class _PendingCall:
    process: str
    reply: asyncio.Future[Any]


class WorkerCalls:
    """The table of pending calls, by call id."""

    def __init__(self) -> None:
        self._pending: dict[str, _PendingCall] = {}

    def __len__(self) -> int:
        return len(self._pending)

    def call(
        self, process: str, request: RequestFrame[ReplyT], send: Callable[[Frame], None], timeout_s: float
    ) -> asyncio.Future[ReplyT]:
        """Send the request to the process of this name; the reply to come. Raises what `send` raises. The future fails
        with WorkerLost or TimeoutError."""
        send(request)
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[ReplyT] = loop.create_future()
        timer = loop.call_later(timeout_s, _fail, reply, TimeoutError(f"no reply within {timeout_s:g} s"))

        def close(_: asyncio.Future[ReplyT]) -> None:
            timer.cancel()
            self._pending.pop(request.call_id, None)
            if not reply.cancelled():
                reply.exception()  # a caller that was cancelled does not retrieve it

        self._pending[request.call_id] = _PendingCall(process, reply)
        reply.add_done_callback(close)
        return reply

    def resolve(self, reply: ReplyFrame) -> None:
        """Nothing happens when nobody waits for it any more."""
        pending = self._pending.pop(reply.call_id, None)
        if pending and not pending.reply.done():
            pending.reply.set_result(reply)

    def fail_process(self, process: str) -> None:
        """The process ended: its pending calls fail with WorkerLost."""
        for pending in list(self._pending.values()):
            if pending.process == process:
                _fail(pending.reply, WorkerLost("the worker process ended"))


def _fail(reply: asyncio.Future[Any], error: Exception) -> None:
    if not reply.done():
        reply.set_exception(error)
