"""What an account shows besides messages: that somebody types, that somebody looks, what was read.

A thread and a queue of its own: a send may wait a minute for WhatsApp, and typing that late would be a lie.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from services.session.protocol import Mark, Marked, Show
from services.session.whatsapp import WhatsApp, WhatsAppError
from shared.message import utc_now

AWAY_AFTER = 300.0
"""Seconds after the last Show until the account is shown offline again: the owner's phone is silent while it is not."""
NOT_CONNECTED = "the account is not connected to WhatsApp"
_LAST = 2.0
"""Seconds to wait for the call that is inside the library while its connection closes."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _End:
    pass


class Attention:
    """Begins its thread with the first thing to do: most accounts have nothing for it."""

    def __init__(
        self,
        whatsapp: WhatsApp,
        connected: threading.Event,
        report: Callable[[Marked], None],
        away_after: float = AWAY_AFTER,
    ) -> None:
        self._whatsapp, self._connected, self._report, self._away_after = whatsapp, connected, report, away_after
        self._jobs: queue.SimpleQueue[Show | Mark | _End] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._away_at: float | None = None
        """When to go offline; None while it is not shown online."""

    def put(self, job: Show | Mark) -> None:
        """Called on one thread only."""
        self._jobs.put(job)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="attention", daemon=True)
            self._thread.start()

    def disconnected(self) -> None:
        """WhatsApp forgets with the connection who was online."""
        self._away_at = None

    def finish(self) -> None:
        if self._thread:
            self._jobs.put(_End())
            self._thread.join(_LAST)

    def _run(self) -> None:
        while not isinstance(job := self._next(), _End):
            error = self._attempt(job)
            if isinstance(job, Mark):
                self._report(Marked(instance_id=job.instance_id, mark_id=job.mark_id, error=error))
            elif error:
                log.info("%s is not shown: %s", job.what, error, extra={"instance_id": job.instance_id})

    def _next(self) -> Show | Mark | _End:
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
        try:
            self._whatsapp.show_online(False)
        except WhatsAppError as error:
            log.info("the account is not shown offline: %s", error)

    def _attempt(self, job: Show | Mark) -> str | None:
        """None: done, or too late to be true. Otherwise why not."""
        if not self._connected.is_set():
            return NOT_CONNECTED
        try:
            if isinstance(job, Mark):
                self._whatsapp.mark_read(job.wa_ids, job.sender, job.group)
            elif utc_now() <= job.until:
                self._show(job)
        except WhatsAppError as error:
            return str(error)
        except Exception as error:
            log.exception("something was not shown, in a way nobody foresaw")
            return repr(error)
        return None

    def _comes_online(self, show: Show) -> bool:
        """Just after pairing WhatsApp refuses that, and takes the rest."""
        try:
            self._whatsapp.show_online(True)
        except WhatsAppError as error:
            log.info("the account is not shown online: %s", error, extra={"instance_id": show.instance_id})
            return False
        return True

    def _show(self, show: Show) -> None:
        if self._away_at is not None or self._comes_online(show):
            self._away_at = time.monotonic() + self._away_after
        if show.what == "watching":
            self._whatsapp.watch(show.to)
        else:
            self._whatsapp.show_typing(show.to, show.what)
