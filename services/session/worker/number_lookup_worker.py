"""Looks up phone numbers at WhatsApp for one account. On a thread of its own, so that lookups and sends do not wait for
each other."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from services.session.ipc.messages import LookUpNumber, NumberLookupResult
from services.session.worker.library.whatsapp_port import (
    NOT_CONNECTED_ERROR,
    WhatsAppClient,
    WhatsAppError,
)

MAX_PENDING_LOOKUPS = 32

log = logging.getLogger(__name__)


class NumberLookupWorker:
    """One lookup at a time; the thread starts with the first."""

    def __init__(
        self, whatsapp: WhatsAppClient, connected: threading.Event, report: Callable[[NumberLookupResult], None]
    ) -> None:
        self._whatsapp = whatsapp
        self._connected = connected
        self._report = report
        self._executor = ThreadPoolExecutor(1, "lookup")
        self._slots = threading.BoundedSemaphore(MAX_PENDING_LOOKUPS)

    def put(self, request: LookUpNumber) -> None:
        """Beyond MAX_PENDING_LOOKUPS, while WhatsApp does not answer, the lookup fails at once."""
        if not self._slots.acquire(blocking=False):
            self._report(lookup_failed(request, "too many earlier questions still wait for WhatsApp"))
            return
        self._executor.submit(self._look_up, request).add_done_callback(lambda _: self._slots.release())

    def stop(self) -> None:
        """Pending lookups get no result; the supervisor's timeout ends them."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _look_up(self, request: LookUpNumber) -> None:
        if not self._connected.is_set():
            self._report(lookup_failed(request, NOT_CONNECTED_ERROR))
            return
        try:
            registered = self._whatsapp.look_up_number(request.phone_number)
        except WhatsAppError as error:
            self._report(lookup_failed(request, str(error)))
        except Exception as error:
            log.exception("a number lookup failed with an unexpected error")
            self._report(lookup_failed(request, repr(error)))
        else:
            result = NumberLookupResult(
                instance_id=request.instance_id, call_id=request.call_id, phone=registered.phone, lid=registered.lid
            )
            self._report(result)


def lookup_failed(request: LookUpNumber, error: str) -> NumberLookupResult:
    """WhatsApp could not be asked."""
    return NumberLookupResult(instance_id=request.instance_id, call_id=request.call_id, error=error[:500])
