"""What is done with the stanzas of one client that are read from the library's log (stanzas.py)."""

import logging

from services.session.worker.deferred_receipts import Deferred
from services.session.worker.library_activity import Activity
from services.session.worker.stanzas import Stanza, Unreadable, login_failure_of, read_stanza, receipts_of, typing_of
from services.session.worker.whatsapp_port import Device, Listener

_READ = ("<receipt ", "<chatstate ", "<failure ")

log = logging.getLogger(__name__)


class Received:
    def __init__(self, listener: Listener, activity: Activity) -> None:
        self._listener = listener
        self._own: frozenset[str] = frozenset()
        self._deferred = Deferred(activity.silent_for, lambda raw: activity.during(self._on_receipt, raw))

    @property
    def waiting(self) -> bool:
        """Something received has not been handed on yet."""
        return len(self._deferred) > 0

    def belongs_to(self, device: Device) -> None:
        self._own = frozenset({device.phone, device.lid or device.phone})

    @staticmethod
    def concerns(line: str) -> bool:
        return line.startswith(_READ)

    def take(self, line: str) -> bool:
        """Called before the library handles the stanza. True: the connection is over, and the library shall not."""
        try:
            return self._act_on(read_stanza(line))
        except Unreadable as problem:
            log.info("a stanza is ignored: %s", problem)
            self._listener.on_broken("stanza")
            return False

    def _act_on(self, stanza: Stanza) -> bool:
        if stanza.tag == "failure":
            failure = login_failure_of(stanza)
            if failure:
                self._listener.on_refused(failure)
            return failure is not None
        if stanza.tag == "chatstate":
            if typing := typing_of(stanza, self._own):
                self._listener.on_event("ChatPresence", typing)
            return False
        receipts = receipts_of(stanza, self._own)
        for receipt in receipts:
            hand_on = self._deferred.put if receipt.MessageSource.IsFromMe else self._on_receipt
            hand_on(receipt.SerializeToString())
        if not receipts:
            self._listener.on_event("Receipt-unknown", None)
        return False

    def _on_receipt(self, raw: bytes) -> None:
        self._listener.on_bytes("Receipt", raw)
