"""Sends journal entries to the supervisor, and removes them when they are published."""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from services.session.ipc.messages import JournaledEvent
from services.session.worker.journal.journal import Journal, JournalEntry
from services.session.worker.threads import start_thread

MAX_UNCONFIRMED_ENTRIES = 256
"""Entries that are sent and not yet confirmed. The others wait on disk, so an outage of NATS costs no memory."""
MAX_UNCONFIRMED_CHARACTERS = 8_000_000
"""The same for the bodies of these entries together: a stranger decides how large one message is."""


class JournalForwarder:
    """One thread per instance. Entries of an earlier process are sent first.

    `map_entry` returns what to publish for an entry: nothing, one part, or several.
    """

    def __init__(
        self,
        instance_id: str,
        journal: Journal,
        send: Callable[[JournaledEvent], None],
        map_entry: Callable[[JournalEntry], Sequence[JournalEntry]],
        max_unconfirmed: int = MAX_UNCONFIRMED_ENTRIES,
    ) -> None:
        self._instance_id = instance_id
        self._journal = journal
        self._send = send
        self._map_entry = map_entry
        self._max_unconfirmed = max_unconfirmed
        self._condition = threading.Condition()
        self._has_new_entries = True
        self._is_reading = False
        self._is_draining = False
        """`stop` waits until all is published."""
        self._is_stopping = False
        self._unconfirmed: deque[tuple[int, int]] = deque()
        """Sequence and characters of each entry that is sent and not confirmed."""
        self._unconfirmed_characters = 0
        self._thread: threading.Thread | None = None

    def start(self, on_failed: Callable[[Exception], None] = lambda _: None) -> None:
        """`on_failed` is called when an error ends the thread, so that nothing is forwarded any more."""
        self._thread = start_thread("journal-forwarder", self._run, on_failed)

    def notify(self) -> None:
        """The journal has a new entry."""
        with self._condition:
            self._has_new_entries = True
            self._condition.notify_all()

    def advance_past(self, order_key: int | None) -> None:
        """Entries appended from now on get a greater order key than this message of ours."""
        if order_key is not None:
            with suppress(sqlite3.Error):  # closing, or the disk is full: sending the text matters more than its order
                self._journal.advance_past(order_key)

    def confirm(self, sequence: int) -> None:
        """Everything up to the sequence is published."""
        self._journal.remove_through(sequence)
        with self._condition:
            # only then: to wake the forwarder costs more than the confirmation itself
            is_awaited = self._is_draining or not self._has_capacity()
            while self._unconfirmed and self._unconfirmed[0][0] <= sequence:
                self._unconfirmed_characters -= self._unconfirmed.popleft()[1]
            if is_awaited:
                self._condition.notify_all()

    def stop(self, timeout_s: float) -> bool:
        """Wait at most `timeout_s` until all is published, and end the thread. False: the rest stays in the journal."""
        with self._condition:
            self._is_draining = True
            is_drained = self._condition.wait_for(
                lambda: not (self._has_new_entries or self._is_reading or self._unconfirmed), timeout_s
            )
            self._is_stopping = True
            self._condition.notify_all()
        if self._thread:
            self._thread.join()
        return is_drained

    def _run(self) -> None:
        last_sequence = 0
        while (capacity := self._wait_for_capacity()) is not None:
            entries = self._journal.read_after(last_sequence, capacity, MAX_UNCONFIRMED_CHARACTERS)
            frames = [frame for entry in entries for frame in self._frames_for(entry)]
            has_more = bool(entries) and self._journal.newest_sequence > entries[-1].sequence
            with self._condition:
                self._unconfirmed.extend((frame.sequence, len(frame.body)) for frame in frames)
                self._unconfirmed_characters += sum(len(frame.body) for frame in frames)
                self._has_new_entries = self._has_new_entries or has_more
                self._is_reading = False
                self._condition.notify_all()
            for frame in frames:
                self._send(frame)
            last_sequence = entries[-1].sequence if entries else last_sequence

    def _wait_for_capacity(self) -> int | None:
        """How many entries to read; None: stop. An entry that is appended after this returns causes another round."""
        with self._condition:
            self._condition.wait_for(lambda: self._is_stopping or (self._has_new_entries and self._has_capacity()))
            if self._is_stopping:
                return None
            self._has_new_entries = False
            self._is_reading = True
            return self._max_unconfirmed - len(self._unconfirmed)

    def _has_capacity(self) -> bool:
        return (
            len(self._unconfirmed) < self._max_unconfirmed and self._unconfirmed_characters < MAX_UNCONFIRMED_CHARACTERS
        )

    def _frames_for(self, entry: JournalEntry) -> list[JournaledEvent]:
        """Only the last part has the sequence of the entry, the others the one before: the entry is removed when its
        last part is published."""
        parts = self._map_entry(entry)
        if not parts:
            self._journal.remove(entry.sequence)
        return [
            JournaledEvent(
                instance_id=self._instance_id,
                sequence=part.sequence if place == len(parts) else part.sequence - 1,
                subject=part.subject,
                body=part.body,
                error=part.error,
            )
            for place, part in enumerate(parts, start=1)
        ]
