"""Sends the texts of one account, one after another; each has a result within its timeout."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from services.session.ipc.messages import Send, SendResult
from services.session.worker import send_results
from services.session.worker.chat_timers import ChatTimer
from services.session.worker.library.whatsapp_port import NOT_CONNECTED_ERROR, WhatsAppClient, WhatsAppError
from services.session.worker.threads import start_thread
from shared.contracts.message import utc_now
from shared.platform.background import log_failure

MAX_PENDING_SENDS = 256
_LAST_SEND_TIMEOUT_S = 5.0
"""For a send that is inside the library while its connection closes."""

log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Job:
    send: Send
    deadline: float
    """By the monotonic clock."""
    is_started: bool = False
    """The library may have the text."""


class Sender:
    """The library sends one message at a time and cannot be interrupted. A send without a reply is reported as
    unconfirmed after its timeout; the sends behind it wait, and fail when their own timeout ends before they begin.

    One thread calls the library. Another one reports what is overdue; it runs only while sends are pending, and sleeps
    until a timeout, so that a send wakes no thread but the first.
    """

    def __init__(
        self,
        whatsapp: WhatsAppClient,
        connected: threading.Event,
        report: Callable[[SendResult], None],
        timer_for: Callable[[str], ChatTimer | None] = lambda _to: None,
    ) -> None:
        self._whatsapp = whatsapp
        self._connected = connected
        self._report = report
        self._timer_for = timer_for
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()  # `put` bounds it
        self._condition = threading.Condition()
        self._pending: dict[_Job, None] = {}
        """Those without a result, in order. Whoever removes a job reports its result."""
        self._watched_until: float | None = None
        """When the thread for overdue sends looks next (monotonic clock); None: it does not run."""
        self._thread = start_thread("sender", self._run)

    def put(self, send: Send) -> None:
        """Called on one thread only. The supervisor has few sends under way; beyond MAX_PENDING_SENDS they fail."""
        if len(self._pending) >= MAX_PENDING_SENDS:
            detail = "too many earlier sends still wait for WhatsApp; try again"
            self._report(send_results.failed(send, "timeout", detail))
            return
        job = _Job(send, time.monotonic() + send.timeout_s)
        with self._condition:
            self._pending[job] = None
            if self._watched_until is None:
                self._watched_until = job.deadline
                start_thread("overdue-sends", self._report_overdue)
            elif job.deadline < self._watched_until:
                self._condition.notify()
        self._jobs.put(job)

    def stop(self) -> None:
        """End after the pending sends. Called when the connection is closed, so that these fail at once."""
        self._jobs.put(None)
        self._thread.join(_LAST_SEND_TIMEOUT_S)
        with self._condition:
            self._condition.notify()  # the thread for overdue sends ends, unless a call has not returned

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            with self._condition:
                if job not in self._pending:  # it was overdue before it began
                    continue
                job.is_started = True
            try:
                result = self._execute(job.send)
            except Exception as error:  # the next sends must not be lost with it
                log_failure("send", error)
                result = send_results.unconfirmed(job.send, repr(error))
            with self._condition:
                is_overdue = job not in self._pending
                self._pending.pop(job, None)
            if not is_overdue:
                self._report(result)

    def _execute(self, send: Send) -> SendResult:
        if result := self._reason_not_to_send(send):
            return result
        try:
            message = self._whatsapp.send_text(send.to, send.text, self._timer_for(send.to))
            return send_results.accepted(send, message)
        except WhatsAppError as error:
            return send_results.result_of_error(send, str(error))
        except Exception as error:
            log.exception("a send failed with an unexpected error")
            return send_results.unconfirmed(send, repr(error))

    def _report_overdue(self) -> None:
        """Until no send is pending at the end of a timeout."""
        with self._condition:
            while self._pending:
                self._watched_until = min(job.deadline for job in self._pending)
                self._condition.wait(self._watched_until - time.monotonic())
                now = time.monotonic()
                for job in [job for job in self._pending if job.deadline <= now]:
                    del self._pending[job]
                    self._report(self._overdue_result(job))
            self._watched_until = None

    def _overdue_result(self, job: _Job) -> SendResult:
        if job.is_started:
            return send_results.unconfirmed(job.send, f"WhatsApp did not answer within {job.send.timeout_s:g} s")
        detail = "an earlier send still waits for WhatsApp; try again"
        return self._reason_not_to_send(job.send) or send_results.failed(job.send, "timeout", detail)

    def _reason_not_to_send(self, send: Send) -> SendResult | None:
        if not self._connected.is_set():
            return send_results.failed(send, "not_connected", NOT_CONNECTED_ERROR)
        return send_results.expired(send) if _is_expired(send) else None


def _is_expired(send: Send) -> bool:
    return send.expires_at is not None and utc_now() >= send.expires_at
