"""Questions of one account to WhatsApp about phone numbers, beside its sends: none waits for the other."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from services.session.ipc.messages import LookUpNumber, NumberLookupResult
from services.session.worker.library.whatsapp_port import RegisteredNumber, WhatsAppClient, WhatsAppError

MAX_PENDING_LOOKUPS = 32
"""Questions of one account that wait behind each other."""

log = logging.getLogger(__name__)


class NumberLookupWorker:
    """One at a time; the thread is made with the first question."""

    def __init__(
        self, whatsapp: WhatsAppClient, connected: threading.Event, report: Callable[[NumberLookupResult], None]
    ) -> None:
        self._whatsapp, self._connected, self._report = whatsapp, connected, report
        self._executor = ThreadPoolExecutor(1, "lookup")
        self._slots = threading.BoundedSemaphore(MAX_PENDING_LOOKUPS)

    def put(self, asked: LookUpNumber) -> None:
        """While WhatsApp does not answer no more than MAX_PENDING_LOOKUPS wait."""
        if not self._slots.acquire(blocking=False):
            self._report(lookup_failed(asked, "too many earlier questions still wait for WhatsApp"))
            return
        self._executor.submit(self._look_up, asked).add_done_callback(lambda _: self._slots.release())

    def stop(self) -> None:
        """What waits is given up; whoever asked stops waiting by itself."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _look_up(self, asked: LookUpNumber) -> None:
        if not self._connected.is_set():
            self._report(lookup_failed(asked, "the account is not connected to WhatsApp"))
            return
        try:
            found = self._whatsapp.look_up_number(asked.phone_number)
        except WhatsAppError as error:
            self._report(lookup_failed(asked, str(error)))
        except Exception as error:
            log.exception("a number could not be looked up")
            self._report(lookup_failed(asked, repr(error)))
        else:
            self._report(_number_found(asked, found))


def _number_found(asked: LookUpNumber, found: RegisteredNumber) -> NumberLookupResult:
    return NumberLookupResult(instance_id=asked.instance_id, call_id=asked.call_id, phone=found.phone, lid=found.lid)


def lookup_failed(asked: LookUpNumber, error: str) -> NumberLookupResult:
    """WhatsApp could not be asked."""
    return NumberLookupResult(instance_id=asked.instance_id, call_id=asked.call_id, error=error[:500])
