"""Audit entries that are written after the answer, so that its time does not tell what is written."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from services.api.store.audit import AuditEvent, AuditLog
from shared.platform.background import keep_running, stop_task

MAX_PENDING_ENTRIES = 1_000
CLOSE_TIMEOUT_S = 3.0

log = logging.getLogger(__name__)


class AuditQueue:
    """An entry that does not fit, or that MongoDB does not take, is left to the service's own log."""

    def __init__(self, audit: AuditLog) -> None:
        self._audit = audit
        self._pending: asyncio.Queue[Sequence[AuditEvent]] = asyncio.Queue(MAX_PENDING_ENTRIES)
        self._dropped = 0

    def put(self, deeds: Sequence[AuditEvent]) -> None:
        """Never waits. None at all go the same way and nothing is written."""
        try:
            self._pending.put_nowait(deeds)
        except asyncio.QueueFull:
            self._dropped += 1

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Entries are written while the context lasts; those left at its end have CLOSE_TIMEOUT_S."""
        writer = keep_running("audit", self._write_all)
        try:
            yield
        finally:
            try:
                await asyncio.wait_for(self._pending.join(), CLOSE_TIMEOUT_S)
            except TimeoutError:
                log.error("%d audit entries were not written: MongoDB takes too long", self._pending.qsize())
            await stop_task(writer)

    async def _write_all(self) -> None:
        """Until cancelled; no entry can end it."""
        while True:
            deeds = await self._pending.get()
            try:
                for deed in deeds:
                    await self._audit.record(deed)
                if self._dropped:
                    log.error("%d audit entries were not written: too many at once", self._dropped)
                    self._dropped = 0
            except Exception:
                log.exception("the audit log cannot be written: %s", deeds)
            finally:
                self._pending.task_done()
