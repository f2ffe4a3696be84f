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
from services.session.worker.library.whatsapp_port import WhatsAppClient, WhatsAppError
from services.session.worker.threads import start_thread
from shared.contracts.message import utc_now
from shared.platform.background import note_failure

OFFLINE_AFTER_S = 300.0
"""Seconds after the last Show until the account is shown offline again: the owner's phone is silent while it is not."""
NOT_CONNECTED_ERROR = "the account is not connected to WhatsApp"
QUEUE_FULL_ERROR = "too much waits to be shown; WhatsApp does not answer"
MAX_PENDING_JOBS = 256
"""What waits to be shown, or for its read ticks, of one account."""
MAX_SUBSCRIBED_CONTACTS = 1_000
"""Contacts of one account that are watched at once."""
_PRUNE_EVERY_SUBSCRIPTIONS = 100
"""So many watched contacts are looked through for those nobody looks at any more."""
_STOP_TIMEOUT_S = 2.0
"""Seconds to wait for the call that is inside the library while its connection closes."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Resubscribe:
    pass


@dataclass(frozen=True)
class _Stop:
    pass


class PresenceWorker:
    """Begins its thread with the first thing to do: most accounts have nothing for it."""

    def __init__(
        self,
        whatsapp: WhatsAppClient,
        connected: threading.Event,
        report: Callable[[ReadReceiptsResult], None],
        away_after: float = OFFLINE_AFTER_S,
    ) -> None:
        self._whatsapp, self._connected, self._report, self._offline_after_s = whatsapp, connected, report, away_after
        self._jobs: queue.SimpleQueue[SendPresence | SendReadReceipts | _Resubscribe | _Stop] = (
            queue.SimpleQueue()
        )  # bounded by `put`
        self._thread: threading.Thread | None = None
        self._offline_at: float | None = None
        """When to go offline; None while it is not shown online."""
        self._subscribed_until: dict[str, float] = {}
        """Until when somebody looks at a contact."""

    def put(self, job: SendPresence | SendReadReceipts) -> None:
        """Called on one thread only. While the library hangs no more than MAX_PENDING_JOBS wait."""
        if self._jobs.qsize() >= MAX_PENDING_JOBS:
            if isinstance(job, SendReadReceipts):
                self._report(
                    ReadReceiptsResult(instance_id=job.instance_id, call_id=job.call_id, error=QUEUE_FULL_ERROR)
                )
            return
        self._jobs.put(job)
        if self._thread is None:
            self._thread = start_thread("presence", self._run)

    def on_disconnected(self) -> None:
        """WhatsApp forgets with the connection who was online, and who is watched."""
        self._offline_at = None

    def on_connected(self) -> None:
        """Watch again whom somebody still looks at."""
        if self._thread and self._jobs.qsize() < MAX_PENDING_JOBS:
            self._jobs.put(_Resubscribe())

    def stop(self) -> None:
        if self._thread:
            self._jobs.put(_Stop())
            self._thread.join(_STOP_TIMEOUT_S)

    def _run(self) -> None:
        while not isinstance(job := self._next_job(), _Stop):
            error = self._execute(job)
            if isinstance(job, SendReadReceipts):
                self._report(ReadReceiptsResult(instance_id=job.instance_id, call_id=job.call_id, error=error))
            elif error and isinstance(job, SendPresence):
                log.info("%s is not shown: %s", job.action, error, extra={"instance_id": job.instance_id})

    def _next_job(self) -> SendPresence | SendReadReceipts | _Resubscribe | _Stop:
        while True:
            away_at = self._offline_at
            try:
                return self._jobs.get(timeout=None if away_at is None else max(0.0, away_at - time.monotonic()))
            except queue.Empty:
                self._go_offline_if_due()

    def _go_offline_if_due(self) -> None:
        if self._offline_at is None or self._offline_at > time.monotonic():
            return
        self._offline_at = None
        self._subscribed_until.clear()
        try:
            self._whatsapp.send_presence(False)
        except WhatsAppError as error:
            log.info("the account is not shown offline: %s", error)
        except Exception as error:  # what comes next is shown all the same
            note_failure("presence", error)

    def _execute(self, job: SendPresence | SendReadReceipts | _Resubscribe) -> str | None:
        """None: done, or too late to be true. Otherwise why not."""
        if not self._connected.is_set():
            return NOT_CONNECTED_ERROR
        try:
            if isinstance(job, SendReadReceipts):
                self._whatsapp.mark_read(job.wa_ids, job.sender, job.group)
            elif isinstance(job, _Resubscribe):
                self._resubscribe()
            elif utc_now() <= job.until:
                self._send_presence(job)
        except WhatsAppError as error:
            return str(error)[:500]
        except Exception as error:
            log.exception("something was not shown, in a way nobody foresaw")
            return repr(error)[:500]
        return None

    def _go_online(self) -> bool:
        """Just after pairing WhatsApp refuses that, and takes the rest."""
        try:
            self._whatsapp.send_presence(True)
        except WhatsAppError as error:
            log.info("the account is not shown online: %s", error)
            return False
        return True

    def _resubscribe(self) -> None:
        self._drop_expired_subscriptions()
        if self._subscribed_until and self._go_online():
            self._offline_at = max(self._subscribed_until.values())
        for to in self._subscribed_until:
            self._whatsapp.subscribe_presence(to)

    def _drop_expired_subscriptions(self) -> None:
        now = time.monotonic()
        self._subscribed_until = {to: until for to, until in self._subscribed_until.items() if until > now}

    def _send_presence(self, show: SendPresence) -> None:
        until = time.monotonic() + self._offline_after_s
        if self._offline_at is not None or self._go_online():
            self._offline_at = until
        if show.action == "subscribe":
            self._subscribed_until.pop(show.to, None)
            self._subscribed_until[show.to] = until
            if len(self._subscribed_until) % _PRUNE_EVERY_SUBSCRIPTIONS == 0:
                self._drop_expired_subscriptions()
            if len(self._subscribed_until) > MAX_SUBSCRIBED_CONTACTS:
                del self._subscribed_until[next(iter(self._subscribed_until))]  # whom somebody looked at longest ago
            self._whatsapp.subscribe_presence(show.to)
        else:
            self._whatsapp.send_typing(show.to, show.action)
