"""The journal: what the library has delivered and JetStream does not have yet. One SQLite file per instance.

WhatsApp considers a message delivered once the library has it, so this file is the only copy until it is published.
"""

import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_CREATE_ENTRIES = """
CREATE TABLE IF NOT EXISTS entries (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, subject TEXT NOT NULL, body TEXT NOT NULL, error TEXT
)"""
_CREATE_RECEIVED = """
CREATE TABLE IF NOT EXISTS received (number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE)"""
_TRIM_RECEIVED = "DELETE FROM received WHERE number <= (SELECT max(number) FROM received) - ?"
_CREATE_LAST_SEQUENCE = """
INSERT INTO sqlite_sequence (name, seq) SELECT 'entries', 0
WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'entries')"""
_LAST_SEQUENCE = "(SELECT seq FROM sqlite_sequence WHERE name = 'entries')"
"""The greatest sequence so far; SQLite keeps it when the entries are removed."""
_INSERT_ENTRY = f"INSERT INTO entries (sequence, subject, body, error) VALUES (max(?, {_LAST_SEQUENCE} + 1), ?, ?, ?)"
_ADVANCE = "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'entries'"
_MIN_ORDER_KEY = 10**14
"""An earlier version counted sequences from one: smaller ones do not order entries among other messages."""


@dataclass(frozen=True)
class JournalEntry:
    """`subject`: the name of the library's protobuf, and `body` its bytes in base64. Mapped for publishing: the full
    subject of an event, and its JSON.

    `error`: why the bytes could not be mapped.
    """

    sequence: int
    subject: str
    body: str
    error: str | None = None

    @property
    def order_key(self) -> int | None:
        """The position among the messages of the account (shared/contracts/order_keys.py): when this was appended."""
        return self.sequence if self.sequence >= _MIN_ORDER_KEY else None


class Journal:
    """A queue on disk, usable from any thread. A sequence is the time in microseconds; sequences grow by at least one
    also when the clock is set back, and across restarts.

    An appended entry survives the end of the process. Methods raise sqlite3.Error, for example when the disk is full.
    """

    def __init__(self, path: Path, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._lock = threading.Lock()
        self._clock_ns = clock_ns
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(_CREATE_ENTRIES)
        self._db.execute(_CREATE_RECEIVED)
        self._db.execute(_CREATE_LAST_SEQUENCE)
        (self.newest_sequence,) = self._db.execute("SELECT coalesce(max(sequence), 0) FROM entries").fetchone()
        """Of the entry that was appended last."""

    def append(self, subject: str, body: str, error: str | None = None) -> int:
        """The sequence of the new entry."""
        with self._lock:
            sequence = self._db.execute(_INSERT_ENTRY, (self._clock_ns() // 1000, subject, body, error)).lastrowid
            assert sequence is not None
            self.newest_sequence = sequence
        return sequence

    def advance_past(self, order_key: int) -> None:
        """Entries appended from now on get a greater sequence: they may answer the message that has this order key."""
        with self._lock:
            self._db.execute(_ADVANCE, (order_key,))

    def read_after(self, sequence: int, limit: int, max_characters: int = 8_000_000) -> list[JournalEntry]:
        """The oldest entries after a sequence, in order: at most `limit`, and at most `max_characters` of bodies unless
        the first one alone has more."""
        entries: list[JournalEntry] = []
        characters = 0
        with self._lock:
            rows = self._db.execute(
                "SELECT sequence, subject, body, error FROM entries WHERE sequence > ? ORDER BY sequence LIMIT ?",
                (sequence, limit),
            )
            for row in rows:
                characters += len(row[2])
                if entries and characters > max_characters:
                    break
                entries.append(JournalEntry(*row))
            rows.close()
        return entries

    def remove(self, sequence: int) -> None:
        with self._lock:
            self._db.execute("DELETE FROM entries WHERE sequence = ?", (sequence,))

    def remove_through(self, sequence: int) -> None:
        """Remove all entries up to and including a sequence."""
        with self._lock:
            self._db.execute("DELETE FROM entries WHERE sequence <= ?", (sequence,))

    def add_received(self, key: str) -> None:
        """Remember that a message with this key was received. Repeatable."""
        with self._lock:
            self._db.execute("INSERT OR IGNORE INTO received (key) VALUES (?)", (key,))

    def has_received(self, key: str) -> bool:
        with self._lock:
            return self._db.execute("SELECT 1 FROM received WHERE key = ?", (key,)).fetchone() is not None

    def trim_received(self, count: int) -> None:
        """Keep the last `count` keys."""
        with self._lock:
            self._db.execute(_TRIM_RECEIVED, (count,))

    def __len__(self) -> int:
        with self._lock:
            (count,) = self._db.execute("SELECT count(*) FROM entries").fetchone()
        return int(count)

    def close(self) -> None:
        with self._lock:
            self._db.close()
