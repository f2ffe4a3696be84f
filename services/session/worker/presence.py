"""What an account shows besides messages: that somebody types, that somebody looks, what was read.

A thread and a queue of its own: a send may wait a minute for WhatsApp, and typing that late would be a lie.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from services.session.ipc.messages import ReadReceiptsResult, SendPresence, SendReadReceipts
from services.session.worker.threads import start_thread
from services.session.worker.whatsapp_port import WhatsApp, WhatsAppError
from shared.contracts.message import utc_now
from shared.platform.background import note_failure

AWAY_AFTER = 300.0
"""Seconds after the last Show until the account is shown offline again: the owner's phone is silent while it is not."""
NOT_CONNECTED = "the account is not connected to WhatsApp"
TOO_MANY = "too much waits to be shown; WhatsApp does not answer"
MAX_JOBS = 256
"""What waits to be shown, or for its read ticks, of one account."""
MAX_WATCHED = 1_000
"""Contacts of one account that are watched at once."""
_TIDY = 100
"""So many watched contacts are looked through for those nobody looks at any more."""
_LAST = 2.0
"""Seconds to wait for the call that is inside the library while its connection closes."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Renew:
    pass


@dataclass(frozen=True)
class _End:
    pass


class Attention:
    """Begins its thread with the first thing to do: most accounts have nothing for it."""

    def __init__(
        self,
        whatsapp: WhatsApp,
        connected: threading.Event,
        report: Callable[[ReadReceiptsResult], None],
        away_after: float = AWAY_AFTER,
    ) -> None:
        self._whatsapp, self._connected, self._report, self._away_after = whatsapp, connected, report, away_after
        self._jobs: queue.SimpleQueue[SendPresence | SendReadReceipts | _Renew | _End] = (
            queue.SimpleQueue()
        )  # bounded by `put`
        self._thread: threading.Thread | None = None
        self._away_at: float | None = None
        """When to go offline; None while it is not shown online."""
        self._watched: dict[str, float] = {}
        """Until when somebody looks at a contact."""

    def put(self, job: SendPresence | SendReadReceipts) -> None:
        """Called on one thread only. While the library hangs no more than MAX_JOBS wait."""
        if self._jobs.qsize() >= MAX_JOBS:
            if isinstance(job, SendReadReceipts):
                self._report(ReadReceiptsResult(instance_id=job.instance_id, call_id=job.call_id, error=TOO_MANY))
            return
        self._jobs.put(job)
        if self._thread is None:
            self._thread = start_thread("attention", self._run)

    def disconnected(self) -> None:
        """WhatsApp forgets with the connection who was online, and who is watched."""
        self._away_at = None

    def connected(self) -> None:
        """Watch again whom somebody still looks at."""
        if self._thread and self._jobs.qsize() < MAX_JOBS:
            self._jobs.put(_Renew())

    def finish(self) -> None:
        if self._thread:
            self._jobs.put(_End())
            self._thread.join(_LAST)

    def _run(self) -> None:
        while not isinstance(job := self._next(), _End):
            error = self._attempt(job)
            if isinstance(job, SendReadReceipts):
                self._report(ReadReceiptsResult(instance_id=job.instance_id, call_id=job.call_id, error=error))
            elif error and isinstance(job, SendPresence):
                log.info("%s is not shown: %s", job.action, error, extra={"instance_id": job.instance_id})

    def _next(self) -> SendPresence | SendReadReceipts | _Renew | _End:
        while True:
            away_at = self._away_at
            try:
                return self._jobs.get(timeout=None if away_at is None else max(0.0, away_at - time.monotonic()))
            except queue.Empty:
                self._go_away()

    def _go_away(self) -> None:
        if self._away_at is None or self._away_at > time.monotonic():
            return
        self._away_at = None
        self._watched.clear()
        try:
            self._whatsapp.show_online(False)
        except WhatsAppError as error:
            log.info("the account is not shown offline: %s", error)
        except Exception as error:  # what comes next is shown all the same
            note_failure("attention", error)

    def _attempt(self, job: SendPresence | SendReadReceipts | _Renew) -> str | None:
        """None: done, or too late to be true. Otherwise why not."""
        if not self._connected.is_set():
            return NOT_CONNECTED
        try:
            if isinstance(job, SendReadReceipts):
                self._whatsapp.mark_read(job.wa_ids, job.sender, job.group)
            elif isinstance(job, _Renew):
                self._renew()
            elif utc_now() <= job.until:
                self._show(job)
        except WhatsAppError as error:
            return str(error)[:500]
        except Exception as error:
            log.exception("something was not shown, in a way nobody foresaw")
            return repr(error)[:500]
        return None

    def _comes_online(self) -> bool:
        """Just after pairing WhatsApp refuses that, and takes the rest."""
        try:
            self._whatsapp.show_online(True)
        except WhatsAppError as error:
            log.info("the account is not shown online: %s", error)
            return False
        return True

    def _renew(self) -> None:
        self._forget_whom_nobody_looks_at()
        if self._watched and self._comes_online():
            self._away_at = max(self._watched.values())
        for to in self._watched:
            self._whatsapp.watch(to)

    def _forget_whom_nobody_looks_at(self) -> None:
        now = time.monotonic()
        self._watched = {to: until for to, until in self._watched.items() if until > now}

    def _show(self, show: SendPresence) -> None:
        until = time.monotonic() + self._away_after
        if self._away_at is not None or self._comes_online():
            self._away_at = until
        if show.action == "subscribe":
            self._watched.pop(show.to, None)
            self._watched[show.to] = until
            if len(self._watched) % _TIDY == 0:
                self._forget_whom_nobody_looks_at()
            if len(self._watched) > MAX_WATCHED:
                del self._watched[next(iter(self._watched))]  # whom somebody looked at longest ago
            self._whatsapp.watch(show.to)
        else:
            self._whatsapp.show_typing(show.to, show.action)
