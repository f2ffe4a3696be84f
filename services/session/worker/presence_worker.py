"""Shows typing and presence of an account, subscribes to the presence of contacts, and sends read receipts.

On a thread of its own: a send may wait a minute for WhatsApp, and typing that is shown so late would be wrong.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from services.session.ipc.messages import ReadReceiptsResult, SendPresence, SendReadReceipts
from services.session.worker.library.whatsapp_port import NOT_CONNECTED_ERROR, WhatsAppClient, WhatsAppError
from services.session.worker.threads import start_thread
from shared.contracts.message import utc_now
from shared.platform.background import log_failure

OFFLINE_AFTER_S = 300.0
"""The account is shown offline this long after the last SendPresence; until then the phone gives no notifications."""
QUEUE_FULL_ERROR = "too much waits to be shown; WhatsApp does not answer"
MAX_PENDING_JOBS = 256
MAX_SUBSCRIBED_CONTACTS = 1_000
"""Per account."""
_PRUNE_EVERY_SUBSCRIPTIONS = 100
"""Whenever the number of subscriptions is a multiple of this, expired ones are dropped."""
_LAST_CALL_TIMEOUT_S = 2.0
"""For the call that is inside the library while its connection closes."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Resubscribe:
    pass


@dataclass(frozen=True)
class _Stop:
    pass


_Job = SendPresence | SendReadReceipts | _Resubscribe | _Stop


class PresenceWorker:
    """Starts its thread with the first job: most accounts have none."""

    def __init__(
        self,
        whatsapp: WhatsAppClient,
        connected: threading.Event,
        report: Callable[[ReadReceiptsResult], None],
        offline_after_s: float = OFFLINE_AFTER_S,
    ) -> None:
        self._whatsapp = whatsapp
        self._connected = connected
        self._report = report
        self._offline_after_s = offline_after_s
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()  # `put` bounds it
        self._thread: threading.Thread | None = None
        self._offline_at: float | None = None
        """When to show the account offline (monotonic clock); None while it is not shown online."""
        self._subscribed_until: dict[str, float] = {}
        """By contact: until when a user looks at the conversation (monotonic clock)."""

    def put(self, job: SendPresence | SendReadReceipts) -> None:
        """Called on one thread only. Beyond MAX_PENDING_JOBS, while the library does not return, jobs are dropped."""
        if self._jobs.qsize() >= MAX_PENDING_JOBS:
            if isinstance(job, SendReadReceipts):
                self._report(read_receipts_result(job, QUEUE_FULL_ERROR))
            return
        self._jobs.put(job)
        if self._thread is None:
            self._thread = start_thread("presence", self._run)

    def on_disconnected(self) -> None:
        """With the connection, WhatsApp drops the account's online state and its subscriptions."""
        self._offline_at = None

    def on_connected(self) -> None:
        """Subscribe again to the contacts that a user still looks at."""
        if self._thread and self._jobs.qsize() < MAX_PENDING_JOBS:
            self._jobs.put(_Resubscribe())

    def stop(self) -> None:
        if self._thread:
            self._jobs.put(_Stop())
            self._thread.join(_LAST_CALL_TIMEOUT_S)

    def _run(self) -> None:
        while not isinstance(job := self._next_job(), _Stop):
            error = self._execute(job)
            if isinstance(job, SendReadReceipts):
                self._report(read_receipts_result(job, error))
            elif error and isinstance(job, SendPresence):
                log.info("presence (%s) is not sent: %s", job.action, error, extra={"instance_id": job.instance_id})

    def _next_job(self) -> _Job:
        while True:
            offline_at = self._offline_at
            try:
                return self._jobs.get(timeout=None if offline_at is None else max(0.0, offline_at - time.monotonic()))
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
            log.info("the account could not be shown offline: %s", error)
        except Exception as error:  # the thread goes on with the next job
            log_failure("presence", error)

    def _execute(self, job: SendPresence | SendReadReceipts | _Resubscribe) -> str | None:
        """The error; None when the job is done, or too old to be done."""
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
            log.exception("presence or read receipts failed with an unexpected error")
            return repr(error)[:500]
        return None

    def _go_online(self) -> bool:
        """False just after pairing: WhatsApp then refuses the online state, but accepts everything else."""
        try:
            self._whatsapp.send_presence(True)
        except WhatsAppError as error:
            log.info("the account could not be shown online: %s", error)
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

    def _send_presence(self, job: SendPresence) -> None:
        until = time.monotonic() + self._offline_after_s
        if self._offline_at is not None or self._go_online():
            self._offline_at = until
        if job.action != "subscribe":
            self._whatsapp.send_typing(job.to, job.action)
            return
        self._subscribed_until.pop(job.to, None)
        self._subscribed_until[job.to] = until
        if len(self._subscribed_until) % _PRUNE_EVERY_SUBSCRIPTIONS == 0:
            self._drop_expired_subscriptions()
        if len(self._subscribed_until) > MAX_SUBSCRIBED_CONTACTS:
            del self._subscribed_until[next(iter(self._subscribed_until))]  # the oldest
        self._whatsapp.subscribe_presence(job.to)


def read_receipts_result(request: SendReadReceipts, error: str | None) -> ReadReceiptsResult:
    return ReadReceiptsResult(instance_id=request.instance_id, call_id=request.call_id, error=error)
