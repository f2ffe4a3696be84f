"""Mails that are sent after the response. The texts may be made here too, so that the response time does not
reveal whether the address has a user."""

import asyncio
import heapq
import itertools
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from services.api.mail.mail_texts import Mail
from services.api.mail.smtp import MailRefused
from shared.platform.background import keep_running, stop_task

MAX_PENDING_MAILS = 1_000
RETRY_DELAYS_S = (5.0, 30.0, 120.0, 600.0)
"""Before the second, third, ... attempt; then the mail is given up."""

log = logging.getLogger(__name__)

Preparation = Callable[[], Awaitable[Sequence[Mail]]]
"""Finds out which mails to send; called again after an error."""
Sending = Callable[[Mail], Awaitable[None]]
_Pending = tuple[float, int, int, Preparation | Mail]
"""When it is due by the monotonic clock, a sequence number, the failed attempts, and the work."""


class MailQueue:
    """Bounded, in the memory of this process: mails that wait when it ends are lost, and their links can be made
    again. The log never has addresses or texts."""

    def __init__(self, send: Sending, retry_delays_s: Sequence[float] = RETRY_DELAYS_S) -> None:
        self._send = send
        self._retry_delays_s = retry_delays_s
        self._pending: list[_Pending] = []
        self._sequence = itertools.count()
        self._changed = asyncio.Event()

    def put(self, work: Preparation | Mail) -> bool:
        """Never waits. False when the queue is full."""
        if len(self._pending) >= MAX_PENDING_MAILS:
            log.error("a mail is not sent: %d others wait for the SMTP server", MAX_PENDING_MAILS)
            return False
        self._push(0.0, 0, work)
        return True

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Sends while the context is open."""
        worker = keep_running("mail queue", self._work_all)
        try:
            yield
        finally:
            await stop_task(worker)
            if self._pending:
                log.error("%d mails were not sent before the end", len(self._pending))

    def _push(self, due_at: float, failures: int, work: Preparation | Mail) -> None:
        heapq.heappush(self._pending, (due_at, next(self._sequence), failures, work))
        self._changed.set()

    async def _work_all(self) -> None:
        """Runs until cancelled; no mail can end it, and one that fails delays no other."""
        while True:
            self._changed.clear()
            wait_s = self._pending[0][0] - time.monotonic() if self._pending else None
            if wait_s is None or wait_s > 0:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), wait_s)
                continue
            _, number, failures, work = heapq.heappop(self._pending)
            await self._attempt(number, failures, work)

    async def _attempt(self, number: int, failures: int, work: Preparation | Mail) -> None:
        try:
            if isinstance(work, Mail):
                await self._send(work)
                return
            for mail in await work():
                self.put(mail)
        except MailRefused as error:
            log.warning("the SMTP server refused mail %d: %s", number, error)
        except Exception as error:
            if failures >= len(self._retry_delays_s):
                log.error("mail %d is given up after %d attempts: %s", number, failures + 1, type(error).__name__)
                return
            delay_s = self._retry_delays_s[failures]
            log.warning("mail %d cannot be sent yet, again in %g s: %s", number, delay_s, type(error).__name__)
            self._push(time.monotonic() + delay_s, failures + 1, work)
