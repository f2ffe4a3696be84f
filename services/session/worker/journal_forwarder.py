"""Carries journal entries to the supervisor and forgets them once they are published."""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from services.session.ipc.messages import JournaledEvent
from services.session.worker.journal import Journal, JournalEntry
from services.session.worker.threads import start_thread

WINDOW = 256
"""Entries on their way at the same time. Beyond it they wait on disk, so NATS away for an hour costs no memory."""
WINDOW_CHARACTERS = 8_000_000
"""The same for the bodies of these entries together: a stranger decides how large one message is."""


class Pump:
    """One thread per instance. What an earlier process left in the journal is sent first.

    `translate` makes of what was journalled what is to be published, perhaps nothing, perhaps several parts.
    """

    def __init__(
        self,
        instance_id: str,
        journal: Journal,
        send: Callable[[JournaledEvent], None],
        translate: Callable[[JournalEntry], Sequence[JournalEntry]],
        window: int = WINDOW,
    ) -> None:
        self._instance_id, self._journal, self._send, self._window = instance_id, journal, send, window
        self._translate = translate
        self._work = threading.Condition()
        self._more, self._fetching, self._ending = True, False, False
        self._flying: deque[tuple[int, int]] = deque()
        """Sequence and size of each entry on its way."""
        self._flying_characters = 0
        self._thread: threading.Thread | None = None

    def start(self, failed: Callable[[Exception], None] = lambda _: None) -> None:
        """`failed` is called when nothing is carried any more."""
        self._thread = start_thread("pump", self._run, failed)

    def nudge(self) -> None:
        """There is something new in the journal."""
        with self._work:
            self._more = True
            self._work.notify_all()

    def follow(self, order_key: int | None) -> None:
        """What is journalled from now on gets a greater order key than this message of ours."""
        if order_key is not None:
            with suppress(sqlite3.Error):  # closing, or the disk is full: the text matters more than its place
                self._journal.follow(order_key)

    def published(self, sequence: int) -> None:
        """Everything up to the sequence is safe elsewhere."""
        self._journal.remove_through(sequence)
        with self._work:
            while self._flying and self._flying[0][0] <= sequence:
                self._flying_characters -= self._flying.popleft()[1]
            self._work.notify_all()

    def finish(self, timeout: float) -> bool:
        """Wait until all is published, at most `timeout` seconds, and end. False: the rest stays in the journal."""
        with self._work:
            done = self._work.wait_for(self._is_empty, timeout)
            self._ending = True
            self._work.notify_all()
        if self._thread:
            self._thread.join()
        return done

    def _is_empty(self) -> bool:
        return not (self._more or self._fetching or self._flying)

    def _run(self) -> None:
        last = 0
        while (room := self._wait_for_work()) is not None:
            kept = self._journal.after(last, room, WINDOW_CHARACTERS)
            entries = [entry for item in kept for entry in self._entries(item)]
            rest = bool(kept) and len(self._journal.after(kept[-1].sequence, 1)) > 0
            with self._work:
                self._flying.extend((entry.sequence, len(entry.body)) for entry in entries)
                self._flying_characters += sum(len(entry.body) for entry in entries)
                self._more, self._fetching = self._more or rest, False
                self._work.notify_all()
            for entry in entries:
                self._send(entry)
            last = kept[-1].sequence if kept else last

    def _entries(self, kept: JournalEntry) -> list[JournaledEvent]:
        """Only the last part of an entry has its sequence: once that is published, all of it is."""
        found = self._translate(kept)
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

    def _wait_for_work(self) -> int | None:
        """How many entries may be fetched; None: the end. What is appended from here on nudges again."""
        with self._work:
            self._work.wait_for(lambda: self._ending or (self._more and self._has_room()))
            if self._ending:
                return None
            self._more, self._fetching = False, True
            return self._window - len(self._flying)

    def _has_room(self) -> bool:
        return len(self._flying) < self._window and self._flying_characters < WINDOW_CHARACTERS
