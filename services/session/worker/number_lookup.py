"""Questions of one account to WhatsApp about phone numbers, beside its sends: none waits for the other."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from services.session.ipc.messages import LookUpNumber, NumberLookupResult
from services.session.worker.whatsapp_port import Registered, WhatsApp, WhatsAppError

MAX_LOOKUPS = 32
"""Questions of one account that wait behind each other."""

log = logging.getLogger(__name__)


class Lookups:
    """One at a time; the thread is made with the first question."""

    def __init__(
        self, whatsapp: WhatsApp, connected: threading.Event, report: Callable[[NumberLookupResult], None]
    ) -> None:
        self._whatsapp, self._connected, self._report = whatsapp, connected, report
        self._calls = ThreadPoolExecutor(1, "lookup")
        self._places = threading.BoundedSemaphore(MAX_LOOKUPS)

    def put(self, asked: LookUpNumber) -> None:
        """While WhatsApp does not answer no more than MAX_LOOKUPS wait."""
        if not self._places.acquire(blocking=False):
            self._report(unanswered(asked, "too many earlier questions still wait for WhatsApp"))
            return
        self._calls.submit(self._answer, asked).add_done_callback(lambda _: self._places.release())

    def finish(self) -> None:
        """What waits is given up; whoever asked stops waiting by itself."""
        self._calls.shutdown(wait=False, cancel_futures=True)

    def _answer(self, asked: LookUpNumber) -> None:
        if not self._connected.is_set():
            self._report(unanswered(asked, "the account is not connected to WhatsApp"))
            return
        try:
            found = self._whatsapp.resolve(asked.phone_number)
        except WhatsAppError as error:
            self._report(unanswered(asked, str(error)))
        except Exception as error:
            log.exception("a number could not be looked up")
            self._report(unanswered(asked, repr(error)))
        else:
            self._report(_answered(asked, found))


def _answered(asked: LookUpNumber, found: Registered) -> NumberLookupResult:
    return NumberLookupResult(instance_id=asked.instance_id, call_id=asked.call_id, phone=found.phone, lid=found.lid)


def unanswered(asked: LookUpNumber, error: str) -> NumberLookupResult:
    """WhatsApp could not be asked."""
    return NumberLookupResult(instance_id=asked.instance_id, call_id=asked.call_id, error=error[:500])
