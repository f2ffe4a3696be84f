"""The last messages that the library has delivered, across restarts, so that their ignored copies are known."""

import logging
import sqlite3

from services.session.worker.journal.journal import Journal

MAX_RECEIVED_MESSAGES = 5_000
"""More than WhatsApp may deliver again: those that were not acknowledged when the process was killed."""
_TRIM_INTERVAL = 500
"""Messages between two removals of the oldest keys."""


log = logging.getLogger(__name__)


class ReceivedMessages:
    """Used on one thread."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._added = 0

    def add(self, key: str) -> None:
        """Never raises. Without the key, because the disk is full, the worker may report a copy of this message as one
        that cannot be read; the router ignores it when it has stored the message."""
        try:
            self._journal.add_received(key)
            self._added += 1
            if self._added % _TRIM_INTERVAL == 0:
                self._journal.trim_received(MAX_RECEIVED_MESSAGES)
        except sqlite3.Error as error:
            log.warning("a received message is not remembered: %s", error)

    def __contains__(self, key: str) -> bool:
        """Raises sqlite3.Error."""
        return self._journal.has_received(key)
