"""Journal entries travel in order, within a window, until they are published."""

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
        self._heard = threading.Condition()

    def __call__(self, entry: JournaledEvent) -> None:
        with self._heard:
            self.entries.append(entry)
            self._heard.notify_all()

    def wait(self, condition: Callable[[list[JournaledEvent]], bool]) -> list[JournaledEvent]:
        with self._heard:
            assert self._heard.wait_for(lambda: condition(self.entries), 10), self.entries
            return list(self.entries)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.sqlite")


def as_it_is(kept: JournalEntry) -> list[JournalEntry]:
    return [kept]


def test_what_nobody_needs_is_forgotten_and_holds_up_nothing(journal: Journal) -> None:
    supervisor = Supervisor()
    for number in range(6):
        journal.append("s", str(number))
    pump = JournalForwarder(
        "sales", journal, supervisor, lambda kept: [kept] if kept.body == "3" else [], max_unconfirmed=2
    )
    pump.start()
    (entry,) = supervisor.wait(lambda entries: len(entries) == 1)
    assert entry.body == "3"
    pump.confirm(entry.sequence)
    assert pump.stop(10)
    assert len(journal) == 0


def test_what_was_left_and_what_comes_is_sent_in_order(journal: Journal) -> None:
    supervisor = Supervisor()
    journal.append("s", "old")
    pump = JournalForwarder("sales", journal, supervisor, as_it_is)
    pump.start()
    supervisor.wait(lambda entries: len(entries) == 1)
    journal.append("s", "new", "why")
    pump.notify()
    old, new = supervisor.wait(lambda entries: len(entries) == 2)
    assert (old.body, old.error, new.body, new.error, new.instance_id) == ("old", None, "new", "why", "sales")
    pump.confirm(new.sequence)
    assert pump.stop(10)
    assert len(journal) == 0


def test_no_more_than_the_window_is_on_its_way(journal: Journal) -> None:
    supervisor = Supervisor()
    for number in range(25):
        journal.append("s", str(number))
    pump = JournalForwarder("sales", journal, supervisor, as_it_is, max_unconfirmed=10)
    pump.start()
    first = supervisor.wait(lambda entries: len(entries) >= 10)
    assert len(first) == 10
    pump.confirm(first[3].sequence)
    for entry in supervisor.wait(lambda entries: len(entries) == 14):
        pump.confirm(entry.sequence)
    rest = supervisor.wait(lambda entries: len(entries) >= 24)
    pump.confirm(rest[-1].sequence)
    everything = supervisor.wait(lambda entries: len(entries) == 25)
    pump.confirm(everything[-1].sequence)
    assert pump.stop(10)
    assert [entry.body for entry in everything] == [str(number) for number in range(25)]


def test_what_nobody_published_stays_in_the_journal(journal: Journal) -> None:
    supervisor = Supervisor()
    journal.append("s", "1")
    pump = JournalForwarder("sales", journal, supervisor, as_it_is)
    pump.start()
    supervisor.wait(lambda entries: len(entries) == 1)
    assert not pump.stop(0.01)
    assert [entry.body for entry in journal.read_after(0, 10)] == ["1"]
