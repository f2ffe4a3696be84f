"""Journal entries are sent in order, at most so many at once, until they are published."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from services.session.ipc.messages import JournaledEvent
from services.session.worker.journal.journal import Journal, JournalEntry
from services.session.worker.journal.journal_forwarder import JournalForwarder


class Supervisor:
    """Collects entries and lets a test wait for them."""

    def __init__(self) -> None:
        self.entries: list[JournaledEvent] = []
        self._condition = threading.Condition()

    def __call__(self, entry: JournaledEvent) -> None:
        with self._condition:
            self.entries.append(entry)
            self._condition.notify_all()

    def wait(self, condition: Callable[[list[JournaledEvent]], bool]) -> list[JournaledEvent]:
        with self._condition:
            assert self._condition.wait_for(lambda: condition(self.entries), 10), self.entries
            return list(self.entries)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.sqlite")


def unchanged(entry: JournalEntry) -> list[JournalEntry]:
    return [entry]


def test_an_ignored_entry_is_removed_and_does_not_block_the_others(journal: Journal) -> None:
    supervisor = Supervisor()
    for number in range(6):
        journal.append("s", str(number))
    forwarder = JournalForwarder(
        "sales", journal, supervisor, lambda entry: [entry] if entry.body == "3" else [], max_unconfirmed=2
    )
    forwarder.start()
    (entry,) = supervisor.wait(lambda entries: len(entries) == 1)
    assert entry.body == "3"
    forwarder.confirm(entry.sequence)
    assert forwarder.stop(10)
    assert len(journal) == 0


def test_old_and_new_entries_are_sent_in_order(journal: Journal) -> None:
    supervisor = Supervisor()
    journal.append("s", "old")
    forwarder = JournalForwarder("sales", journal, supervisor, unchanged)
    forwarder.start()
    supervisor.wait(lambda entries: len(entries) == 1)
    journal.append("s", "new", "why")
    forwarder.notify()
    old, new = supervisor.wait(lambda entries: len(entries) == 2)
    assert (old.body, old.error, new.body, new.error, new.instance_id) == ("old", None, "new", "why", "sales")
    forwarder.confirm(new.sequence)
    assert forwarder.stop(10)
    assert len(journal) == 0


def test_no_more_than_the_maximum_is_unconfirmed(journal: Journal) -> None:
    supervisor = Supervisor()
    for number in range(25):
        journal.append("s", str(number))
    forwarder = JournalForwarder("sales", journal, supervisor, unchanged, max_unconfirmed=10)
    forwarder.start()
    first = supervisor.wait(lambda entries: len(entries) >= 10)
    assert len(first) == 10
    forwarder.confirm(first[3].sequence)
    for entry in supervisor.wait(lambda entries: len(entries) == 14):
        forwarder.confirm(entry.sequence)
    rest = supervisor.wait(lambda entries: len(entries) >= 24)
    forwarder.confirm(rest[-1].sequence)
    everything = supervisor.wait(lambda entries: len(entries) == 25)
    forwarder.confirm(everything[-1].sequence)
    assert forwarder.stop(10)
    assert [entry.body for entry in everything] == [str(number) for number in range(25)]


def test_an_entry_that_is_not_published_stays_in_the_journal(journal: Journal) -> None:
    supervisor = Supervisor()
    journal.append("s", "1")
    forwarder = JournalForwarder("sales", journal, supervisor, unchanged)
    forwarder.start()
    supervisor.wait(lambda entries: len(entries) == 1)
    assert not forwarder.stop(0.01)
    assert [entry.body for entry in journal.read_after(0, 10)] == ["1"]
