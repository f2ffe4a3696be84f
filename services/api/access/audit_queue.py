"""Audit events that are stored after the response, so that the response time does not reveal what is stored."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from services.api.store.audit_log import AuditEvent, AuditLog
from shared.platform.background import keep_running, stop_task

MAX_PENDING_REQUESTS = 1_000
CLOSE_TIMEOUT_S = 3.0

log = logging.getLogger(__name__)


class AuditQueue:
    """Events that do not fit into the queue, or that MongoDB does not store, only appear in the service's own log."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit
        self._pending: asyncio.Queue[Sequence[AuditEvent]] = asyncio.Queue(MAX_PENDING_REQUESTS)
        self._dropped = 0

    def put(self, events: Sequence[AuditEvent]) -> None:
        """Never waits. An empty list takes the same path, so that the time does not reveal that there was none."""
        try:
            self._pending.put_nowait(events)
        except asyncio.QueueFull:
            self._dropped += 1

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Stores events while the context is open; at its end, those left in the queue for at most CLOSE_TIMEOUT_S."""
        writer = keep_running("audit queue", self._write_all)
        try:
            yield
        finally:
            try:
                await asyncio.wait_for(self._pending.join(), CLOSE_TIMEOUT_S)
            except TimeoutError:
                log.error("%d audit events were not stored: MongoDB takes too long", self._pending.qsize())
            await stop_task(writer)

    async def _write_all(self) -> None:
        """Runs until cancelled; no event can end it."""
        while True:
            events = await self._pending.get()
            try:
                for event in events:
                    await self._audit.record(event)
                if self._dropped:
                    log.error("%d audit events were not stored: the queue was full", self._dropped)
                    self._dropped = 0
            except Exception:
                log.exception("audit events cannot be stored: %s", events)
            finally:
                self._pending.task_done()
