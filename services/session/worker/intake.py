"""The library's callback for messages and receipts: translate, append to the journal, nudge. Nothing else."""

import base64
import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from services.session.journal import Journal
from services.session.translate import Account, Ignored, message_received, receipt_received
from services.session.worker.pump import Pump
from shared.events import MessageReceived, ReceiptReceived
from shared.message import Event

_TRANSLATIONS: dict[str, tuple[Callable[[Any, Account], Event | Ignored], str]] = {
    "Message": (message_received, MessageReceived.subject),
    "Receipt": (receipt_received, ReceiptReceived.subject),
}
_MAX_RAW = 900_000
"""Characters of base64; JetStream takes messages up to 1 MB."""
_FULL_DISK_PAUSE = 0.5
"""Seconds between attempts to write; meanwhile WhatsApp keeps what comes next."""

log = logging.getLogger(__name__)


class Intake:
    """Called on the library's thread, one call at a time."""

    def __init__(self, account: Account, journal: Journal, pump: Pump) -> None:
        self._account, self._journal, self._pump = account, journal, pump
        self.ignored: Counter[str] = Counter()

    def take(self, name: str, event: Any) -> bool:
        """True when the event is ours to keep or ignore; never raises, and never loses one on a full disk."""
        if name not in _TRANSLATIONS:
            return False
        translate, _ = _TRANSLATIONS[name]
        try:
            ours = translate(event, self._account)
        except Exception as error:
            self.keep_raw(name, event.SerializeToString(), f"{type(error).__name__}: {error}")
            return True
        if isinstance(ours, Ignored):
            self.count(ours.kind)
        else:
            self._keep(ours.address, ours.model_dump_json())
        return True

    def keep_raw(self, name: str, raw: bytes, error: str) -> None:
        """Keep what cannot be translated, so that it ends among the dead letters; other kinds are only counted."""
        if name not in _TRANSLATIONS:
            self.count(f"broken-{name}")
            return
        log.warning("a %s could not be translated", name, extra={"instance_id": self._account.instance_id})
        address = self._address(_TRANSLATIONS[name][1])
        self._keep(address, base64.b64encode(raw).decode()[:_MAX_RAW], f"{name}: {error}"[:2000])

    def count(self, kind: str) -> None:
        """An event nobody needs; the first of each kind is logged, so that none goes unnoticed."""
        self.ignored[kind] += 1
        if self.ignored[kind] == 1:
            log.info("ignoring events of this kind", extra={"instance_id": self._account.instance_id, "kind": kind})

    def _address(self, subject: str) -> str:
        return f"{subject}.{self._account.organization_id}.{self._account.instance_id}"

    def _keep(self, subject: str, body: str, error: str | None = None) -> None:
        while True:
            try:
                self._journal.append(subject, body, error)
                break
            except sqlite3.OperationalError:
                log.exception("the journal cannot be written; is the disk full?")
                time.sleep(_FULL_DISK_PAUSE)
        self._pump.nudge()
