"""Sends the texts of one account, one after another; each has a result within its timeout."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
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


@dataclass(frozen=True)
class _Job:
    send: Send
    deadline: float
    """By the monotonic clock."""


class Sender:
    """The library sends one message at a time and cannot be interrupted. A send without a reply is reported as
    unconfirmed after its timeout; the sends behind it wait, and fail when their own timeout ends before they begin."""

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
        self._executor = ThreadPoolExecutor(1, "send")
        self._thread = start_thread("sender", self._run)

    def put(self, send: Send) -> None:
        """Called on one thread only. The supervisor has few sends under way; beyond MAX_PENDING_SENDS they fail."""
        if self._jobs.qsize() >= MAX_PENDING_SENDS:
            detail = "too many earlier sends still wait for WhatsApp; try again"
            self._report(send_results.failed(send, "timeout", detail))
            return
        self._jobs.put(_Job(send, time.monotonic() + send.timeout_s))

    def stop(self) -> None:
        """End after the pending sends. Called when the connection is closed, so that these fail at once."""
        self._jobs.put(None)
        self._thread.join(_LAST_SEND_TIMEOUT_S)
        self._executor.shutdown(wait=False)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                result = self._execute(job)
            except Exception as error:  # the next sends must not be lost with it
                log_failure("send", error)
                result = send_results.unconfirmed(job.send, repr(error))
            self._report(result)

    def _execute(self, job: _Job) -> SendResult:
        if not self._connected.is_set():
            return send_results.failed(job.send, "not_connected", NOT_CONNECTED_ERROR)
        if _is_expired(job.send):
            return send_results.expired(job.send)
        call = self._executor.submit(self._call_library, job.send)
        try:
            return call.result(max(0.0, job.deadline - time.monotonic()))
        except TimeoutError:
            if call.cancel():
                return send_results.failed(job.send, "timeout", "an earlier send still waits for WhatsApp; try again")
            return send_results.unconfirmed(job.send, f"WhatsApp did not answer within {job.send.timeout_s:g} s")

    def _call_library(self, send: Send) -> SendResult:
        if _is_expired(send):  # while it waited behind a call that had not returned in time
            return send_results.expired(send)
        try:
            message = self._whatsapp.send_text(send.to, send.text, self._timer_for(send.to))
            return send_results.accepted(send, message)
        except WhatsAppError as error:
            return send_results.result_of_error(send, str(error))
        except Exception as error:
            log.exception("a send failed with an unexpected error")
            return send_results.unconfirmed(send, repr(error))


def _is_expired(send: Send) -> bool:
    return send.expires_at is not None and utc_now() >= send.expires_at
