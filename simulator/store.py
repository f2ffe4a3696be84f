"""The simulator's storage: one SQLite file with JSON rows. Changes are collected and written in the background."""

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from simulator.serial import to_plain

WRITE_DELAY_S = 0.5  # a killed simulator loses at most the changes of this time
SCHEMA = """
CREATE TABLE IF NOT EXISTS state (kind TEXT, id TEXT, body TEXT, PRIMARY KEY (kind, id));
CREATE TABLE IF NOT EXISTS queue (device TEXT, id TEXT, body BLOB, at REAL, PRIMARY KEY (device, id));
"""


class SimulatorStore:
    """Rows by (kind, id), and queued stanzas by device. Marking a change only adds a dictionary entry."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(SCHEMA)
        self._changed: dict[tuple[str, str], Callable[[], Any]] = {}
        self._queue: dict[tuple[str, str], tuple[bytes, float] | None] = {}
        self._closing = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None

    def load(self, kind: str) -> Iterator[tuple[str, Any]]:
        """(id, plain body) of every row of a kind, in the order of creation."""
        for row_id, body in self._db.execute("SELECT id, body FROM state WHERE kind = ? ORDER BY rowid", (kind,)):
            yield row_id, json.loads(body)

    def load_queue(self) -> list[tuple[str, bytes]]:
        """(device address, stanza) in the order of sending."""
        return list(self._db.execute("SELECT device, body FROM queue ORDER BY at, rowid"))

    def mark_changed(self, kind: str, row_id: str, value: Any) -> None:
        """Schedules a write of `value`, with its state at the time of writing."""
        self._changed[(kind, row_id)] = lambda: value
        self._start_writer()

    def enqueue(self, device: str, stanza_id: str, body: bytes, at: float) -> None:
        self._queue[(device, stanza_id)] = (body, at)
        self._start_writer()

    def dequeue(self, device: str, stanza_id: str) -> None:
        self._queue[(device, stanza_id)] = None
        self._start_writer()

    def _start_writer(self) -> None:
        if self._closing.is_set():  # `close` writes the pending changes
            return
        if self._writer is None or self._writer.done():
            with contextlib.suppress(RuntimeError):  # without a loop (unit tests) `close` writes
                self._writer = asyncio.get_running_loop().create_task(self._write_soon())

    async def _write_soon(self) -> None:
        while self._changed or self._queue:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), WRITE_DELAY_S)
            await asyncio.to_thread(self._write, self._take_rows(), self._take_queue())

    def _take_rows(self) -> list[tuple[str, str, str]]:
        changed, self._changed = self._changed, {}
        return [(kind, row_id, json.dumps(to_plain(value()))) for (kind, row_id), value in changed.items()]

    def _take_queue(self) -> dict[tuple[str, str], tuple[bytes, float] | None]:
        queue, self._queue = self._queue, {}
        return queue

    def _write(
        self, rows: list[tuple[str, str, str]], queue: dict[tuple[str, str], tuple[bytes, float] | None]
    ) -> None:
        update = "INSERT INTO state VALUES (?, ?, ?) ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body"
        deleted = [key for key, entry in queue.items() if entry is None]
        new = [(*key, *entry) for key, entry in queue.items() if entry is not None]
        self._db.execute("BEGIN")
        self._db.executemany(update, rows)
        self._db.executemany("DELETE FROM queue WHERE device = ? AND id = ?", deleted)
        self._db.executemany("INSERT OR REPLACE INTO queue VALUES (?, ?, ?, ?)", new)
        self._db.execute("COMMIT")

    async def close(self) -> None:
        """Writes the pending changes and closes. A second call does nothing."""
        if self._closing.is_set():
            return
        self._closing.set()
        if self._writer is not None:
            await self._writer
        self._write(self._take_rows(), self._take_queue())
        self._db.close()
