"""Writes what the library delivers to the journal; this is all that its callback does with a message.

Until its bytes are in the journal, a message exists only in the memory of this process.
"""

import base64
import logging
import sqlite3
import time

from services.session.worker.journal.journal import Journal
from services.session.worker.mapping.journal_mapping import JOURNALED_EVENTS

_DISK_RETRY_DELAY_S = 0.5
"""Between two attempts to write to a full disk; meanwhile WhatsApp keeps what follows."""

log = logging.getLogger(__name__)


class JournalWriter:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def append(self, name: str, raw: bytes) -> bool:
        """Append an event, by the name of its protobuf. False: events of this name are not journaled. Called on the
        library's threads; never raises, and blocks as long as the disk is full, so that no event is lost."""
        if name not in JOURNALED_EVENTS:
            return False
        body = base64.b64encode(raw).decode()
        while True:
            try:
                self._journal.append(name, body)
                return True
            except sqlite3.OperationalError:
                log.exception("the journal cannot be written; is the disk full?")
                time.sleep(_DISK_RETRY_DELAY_S)
