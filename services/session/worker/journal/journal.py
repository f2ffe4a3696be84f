"""What the native callback delivered and JetStream does not have yet: one SQLite file per instance.

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
_LAST_SEQUENCE = "coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'entries'), 0)"
"""The greatest sequence ever given; SQLite keeps it when the entries are gone."""
_INSERT_ENTRY = f"INSERT INTO entries (sequence, subject, body, error) VALUES (max(?, {_LAST_SEQUENCE} + 1), ?, ?, ?)"
_MIN_ORDER_KEY = 10**14
"""Smaller sequences were counted from one by an earlier version, and say nothing about other messages."""


@dataclass(frozen=True)
class JournalEntry:
    """`subject`: an event's address and `body` its JSON, or the name of the library's event and its bytes in base64.

    `error`: why bytes could not be translated.
    """

    sequence: int
    subject: str
    body: str
    error: str | None = None

    @property
    def order_key(self) -> int | None:
        """The place among all messages of the account (shared/contracts/order_keys.py): when the entry arrived here."""
        return self.sequence if self.sequence >= _MIN_ORDER_KEY else None


class Journal:
    """Append at one end, remove at the other. Sequences are microseconds of the clock; they grow by at least one also
    while the clock steps back, and across restarts.

    Usable from any thread. An append survives the end of the process; raises sqlite3.Error when the disk is full.
    """

    def __init__(self, path: Path, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._lock, self._clock_ns = threading.Lock(), clock_ns
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(_CREATE_ENTRIES)

    def append(self, subject: str, body: str, error: str | None = None) -> int:
        """Keep one entry; its sequence."""
        with self._lock:
            row = self._db.execute(_INSERT_ENTRY, (self._clock_ns() // 1000, subject, body, error)).lastrowid
        assert row is not None
        return row

    def advance_past(self, order_key: int) -> None:
        """Whatever is appended from now on gets a greater sequence than this: it is an answer to what has this key."""
        with self._lock:
            self._db.execute(
                "INSERT INTO sqlite_sequence (name, seq) SELECT 'entries', 0 WHERE NOT EXISTS "
                "(SELECT 1 FROM sqlite_sequence WHERE name = 'entries')"
            )
            self._db.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = 'entries'", (order_key,))

    def read_after(self, sequence: int, limit: int, most: int = 8_000_000) -> list[JournalEntry]:
        """The oldest entries beyond a sequence, in order: at most `limit`, and at most `most` characters of bodies
        unless the first alone has more."""
        found: list[JournalEntry] = []
        size = 0
        with self._lock:
            rows = self._db.execute(
                "SELECT sequence, subject, body, error FROM entries WHERE sequence > ? ORDER BY sequence LIMIT ?",
                (sequence, limit),
            )
            for row in rows:
                size += len(row[2])
                if found and size > most:
                    break
                found.append(JournalEntry(*row))
            rows.close()
        return found

    def remove(self, sequence: int) -> None:
        """Forget one entry."""
        with self._lock:
            self._db.execute("DELETE FROM entries WHERE sequence = ?", (sequence,))

    def remove_through(self, sequence: int) -> None:
        """Forget everything up to and including a sequence."""
        with self._lock:
            self._db.execute("DELETE FROM entries WHERE sequence <= ?", (sequence,))

    def __len__(self) -> int:
        with self._lock:
            (count,) = self._db.execute("SELECT count(*) FROM entries").fetchone()
        return int(count)

    def close(self) -> None:
        with self._lock:
            self._db.close()
