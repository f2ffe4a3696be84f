"""Sends of one account, one after another, each with an answer within its time."""

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
from services.session.worker.library.whatsapp_port import WhatsAppClient, WhatsAppError
from services.session.worker.threads import start_thread
from shared.contracts.message import utc_now
from shared.platform.background import note_failure

_STOP_TIMEOUT_S = 5.0
"""Seconds to wait for a send that is inside the library while its connection closes."""
MAX_PENDING_SENDS = 256
"""Sends of one account that wait behind each other."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Job:
    send: Send
    deadline: float


class Sender:
    """The library sends one message at a time and cannot be interrupted: a send without an answer is reported as
    unconfirmed after its timeout, those behind it wait, and fail when their own time ends before they began."""

    def __init__(
        self,
        whatsapp: WhatsAppClient,
        connected: threading.Event,
        report: Callable[[SendResult], None],
        timer_of: Callable[[str], ChatTimer | None] = lambda _to: None,
    ) -> None:
        self._whatsapp, self._connected, self._report, self._timer_for = whatsapp, connected, report, timer_of
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()  # bounded by `put`
        self._executor = ThreadPoolExecutor(1, "send")
        self._thread = start_thread("sender", self._run)

    def put(self, send: Send) -> None:
        """Called on one thread only. The supervisor hands over few at once; beyond MAX_PENDING_SENDS none is taken."""
        if self._jobs.qsize() >= MAX_PENDING_SENDS:
            self._report(
                send_results.failed(send, "timeout", "too many earlier sends still wait for WhatsApp; try again")
            )
            return
        self._jobs.put(_Job(send, time.monotonic() + send.timeout_s))

    def stop(self) -> None:
        """End after what is queued; once the connection is closed that fails at once."""
        self._jobs.put(None)
        self._thread.join(_STOP_TIMEOUT_S)
        self._executor.shutdown(wait=False)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                outcome = self._execute(job)
            except Exception as error:  # one send holds up no other
                note_failure("send", error)
                outcome = send_results.unconfirmed(job.send, repr(error))
            self._report(outcome)

    def _execute(self, job: _Job) -> SendResult:
        if not self._connected.is_set():
            return send_results.failed(job.send, "not_connected", "the account is not connected to WhatsApp")
        if _is_expired(job.send):
            return send_results.too_late(job.send)
        call = self._executor.submit(self._call_library, job.send)
        try:
            return call.result(max(0.0, job.deadline - time.monotonic()))
        except TimeoutError:
            if call.cancel():
                return send_results.failed(job.send, "timeout", "an earlier send still waits for WhatsApp; try again")
            return send_results.unconfirmed(job.send, f"WhatsApp did not answer within {job.send.timeout_s:g} s")

    def _call_library(self, send: Send) -> SendResult:
        if _is_expired(send):  # it waited behind a call whose answer did not come in time
            return send_results.too_late(send)
        try:
            return send_results.accepted(send, self._whatsapp.send_text(send.to, send.text, self._timer_for(send.to)))
        except WhatsAppError as error:
            return send_results.result_of_error(send, str(error))
        except Exception as error:
            log.exception("a send failed in a way nobody foresaw")
            return send_results.unconfirmed(send, repr(error))


def _is_expired(send: Send) -> bool:
    return send.expires_at is not None and utc_now() >= send.expires_at
