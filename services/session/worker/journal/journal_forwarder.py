"""Carries journal entries to the supervisor and forgets them once they are published."""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from services.session.ipc.messages import JournaledEvent
from services.session.worker.journal.journal import Journal, JournalEntry
from services.session.worker.threads import start_thread

MAX_UNCONFIRMED_ENTRIES = 256
"""Entries on their way at the same time. Beyond it they wait on disk, so NATS away for an hour costs no memory."""
MAX_UNCONFIRMED_CHARACTERS = 8_000_000
"""The same for the bodies of these entries together: a stranger decides how large one message is."""


class JournalForwarder:
    """One thread per instance. What an earlier process left in the journal is sent first.

    `translate` makes of what was journalled what is to be published, perhaps nothing, perhaps several parts.
    """

    def __init__(
        self,
        instance_id: str,
        journal: Journal,
        send: Callable[[JournaledEvent], None],
        translate: Callable[[JournalEntry], Sequence[JournalEntry]],
        window: int = MAX_UNCONFIRMED_ENTRIES,
    ) -> None:
        self._instance_id, self._journal, self._send, self._max_unconfirmed = instance_id, journal, send, window
        self._map_entry = translate
        self._condition = threading.Condition()
        self._has_new_entries, self._is_reading, self._is_stopping = True, False, False
        self._unconfirmed: deque[tuple[int, int]] = deque()
        """Sequence and size of each entry on its way."""
        self._unconfirmed_characters = 0
        self._thread: threading.Thread | None = None

    def start(self, failed: Callable[[Exception], None] = lambda _: None) -> None:
        """`failed` is called when nothing is carried any more."""
        self._thread = start_thread("journal-forwarder", self._run, failed)

    def notify(self) -> None:
        """There is something new in the journal."""
        with self._condition:
            self._has_new_entries = True
            self._condition.notify_all()

    def advance_past(self, order_key: int | None) -> None:
        """What is journalled from now on gets a greater order key than this message of ours."""
        if order_key is not None:
            with suppress(sqlite3.Error):  # closing, or the disk is full: the text matters more than its place
                self._journal.advance_past(order_key)

    def confirm(self, sequence: int) -> None:
        """Everything up to the sequence is safe elsewhere."""
        self._journal.remove_through(sequence)
        with self._condition:
            while self._unconfirmed and self._unconfirmed[0][0] <= sequence:
                self._unconfirmed_characters -= self._unconfirmed.popleft()[1]
            self._condition.notify_all()

    def stop(self, timeout: float) -> bool:
        """Wait until all is published, at most `timeout` seconds, and end. False: the rest stays in the journal."""
        with self._condition:
            done = self._condition.wait_for(self._is_drained, timeout)
            self._is_stopping = True
            self._condition.notify_all()
        if self._thread:
            self._thread.join()
        return done

    def _is_drained(self) -> bool:
        return not (self._has_new_entries or self._is_reading or self._unconfirmed)

    def _run(self) -> None:
        last = 0
        while (room := self._wait_for_capacity()) is not None:
            kept = self._journal.read_after(last, room, MAX_UNCONFIRMED_CHARACTERS)
            entries = [entry for item in kept for entry in self._frames_for(item)]
            rest = bool(kept) and len(self._journal.read_after(kept[-1].sequence, 1)) > 0
            with self._condition:
                self._unconfirmed.extend((entry.sequence, len(entry.body)) for entry in entries)
                self._unconfirmed_characters += sum(len(entry.body) for entry in entries)
                self._has_new_entries, self._is_reading = self._has_new_entries or rest, False
                self._condition.notify_all()
            for entry in entries:
                self._send(entry)
            last = kept[-1].sequence if kept else last

    def _frames_for(self, kept: JournalEntry) -> list[JournaledEvent]:
        """Only the last part of an entry has its sequence: once that is published, all of it is."""
        found = self._map_entry(kept)
        if not found:
            self._journal.remove(kept.sequence)
        last = len(found) - 1
        return [
            JournaledEvent(
                instance_id=self._instance_id,
                sequence=part.sequence - (place < last),
                subject=part.subject,
                body=part.body,
                error=part.error,
            )
            for place, part in enumerate(found)
        ]

    def _wait_for_capacity(self) -> int | None:
        """How many entries may be fetched; None: the end. What is appended from here on nudges again."""
        with self._condition:
            self._condition.wait_for(lambda: self._is_stopping or (self._has_new_entries and self._has_capacity()))
            if self._is_stopping:
                return None
            self._has_new_entries, self._is_reading = False, True
            return self._max_unconfirmed - len(self._unconfirmed)

    def _has_capacity(self) -> bool:
        return (
            len(self._unconfirmed) < self._max_unconfirmed and self._unconfirmed_characters < MAX_UNCONFIRMED_CHARACTERS
        )
