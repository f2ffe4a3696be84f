"""Carries journal entries to the supervisor and forgets them once they are published."""

import threading
from collections import deque
from collections.abc import Callable

from services.session.journal import Journal, JournalEntry
from services.session.protocol import Entry

WINDOW = 256
"""Entries on their way at the same time. Beyond it they wait on disk, so NATS away for an hour costs no memory."""


class Pump:
    """One thread per instance. What an earlier process left in the journal is sent first.

    `translate` makes of what was journalled what is to be published, None: nothing.
    """

    def __init__(
        self,
        instance_id: str,
        journal: Journal,
        send: Callable[[Entry], None],
        translate: Callable[[JournalEntry], JournalEntry | None],
        window: int = WINDOW,
    ) -> None:
        self._instance_id, self._journal, self._send, self._window = instance_id, journal, send, window
        self._translate = translate
        self._work = threading.Condition()
        self._more, self._fetching, self._ending = True, False, False
        self._flying: deque[int] = deque()
        self._thread = threading.Thread(target=self._run, name="pump", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def nudge(self) -> None:
        """There is something new in the journal."""
        with self._work:
            self._more = True
            self._work.notify_all()

    def published(self, sequence: int) -> None:
        """Everything up to the sequence is safe elsewhere."""
        self._journal.remove_through(sequence)
        with self._work:
            while self._flying and self._flying[0] <= sequence:
                self._flying.popleft()
            self._work.notify_all()

    def finish(self, timeout: float) -> bool:
        """Wait until all is published, at most `timeout` seconds, and end. False: the rest stays in the journal."""
        with self._work:
            done = self._work.wait_for(self._is_empty, timeout)
            self._ending = True
            self._work.notify_all()
        if self._thread.is_alive():
            self._thread.join()
        return done

    def _is_empty(self) -> bool:
        return not (self._more or self._fetching or self._flying)

    def _run(self) -> None:
        last = 0
        while (room := self._wait_for_work()) is not None:
            kept = self._journal.after(last, room)
            entries = [entry for item in kept if (entry := self._entry(item)) is not None]
            with self._work:
                self._flying.extend(entry.sequence for entry in entries)
                self._more, self._fetching = self._more or len(kept) == room, False
                self._work.notify_all()
            for entry in entries:
                self._send(entry)
            last = kept[-1].sequence if kept else last

    def _entry(self, kept: JournalEntry) -> Entry | None:
        found = self._translate(kept)
        if found is None:
            self._journal.remove(kept.sequence)
            return None
        return Entry(
            instance_id=self._instance_id,
            sequence=found.sequence,
            subject=found.subject,
            body=found.body,
            error=found.error,
        )

    def _wait_for_work(self) -> int | None:
        """How many entries may be fetched; None: the end. What is appended from here on nudges again."""
        with self._work:
            self._work.wait_for(lambda: self._ending or (self._more and len(self._flying) < self._window))
            if self._ending:
                return None
            self._more, self._fetching = False, True
            return self._window - len(self._flying)
