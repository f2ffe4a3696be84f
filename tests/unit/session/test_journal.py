"""The journal stores entries on disk, in order, until they are removed."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from services.session.worker.journal.journal import Journal, JournalEntry

NOON = 1_767_268_800_000_000
"""Microseconds since 1970."""


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.sqlite")


def test_entries_are_read_in_order(journal: Journal) -> None:
    first, second = journal.append("a", "1"), journal.append("b", "2", error="broken")
    assert journal.read_after(0, 10) == [JournalEntry(first, "a", "1"), JournalEntry(second, "b", "2", "broken")]
    assert journal.read_after(first, 10) == [JournalEntry(second, "b", "2", "broken")]
    assert len(journal.read_after(0, 1)) == 1


def test_entries_up_to_and_including_a_sequence_are_removed(journal: Journal) -> None:
    sequences = [journal.append("a", str(number)) for number in range(4)]
    journal.remove_through(sequences[1])
    assert [entry.body for entry in journal.read_after(0, 10)] == ["2", "3"]
    assert len(journal) == 2


def test_a_sequence_is_never_used_twice(tmp_path: Path) -> None:
    before = Journal(tmp_path / "journal.sqlite")
    last = before.append("a", "1")
    before.remove_through(last)
    before.close()
    assert Journal(tmp_path / "journal.sqlite").append("a", "2") > last


class Clock:
    """The test sets it in microseconds; the journal reads it in nanoseconds."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now * 1000


@pytest.mark.parametrize("is_restarted", [False, True])
def test_order_keys_grow_also_when_the_clock_is_set_back(tmp_path: Path, is_restarted: bool) -> None:
    clock, path = Clock(NOON), tmp_path / "journal.sqlite"
    journal = Journal(path, clock)
    keys = []
    for step in (0, 1_000_000, -3_600_000_000, 5, 7_200_000_000):
        clock.now += step
        keys.append(journal.append("a", "1"))
        if is_restarted:
            journal.remove_through(keys[-1])
            journal.close()
            journal = Journal(path, clock)
    assert keys == [NOON, NOON + 1_000_000, NOON + 1_000_001, NOON + 1_000_002, clock.now]


@pytest.mark.parametrize("is_empty", [False, True])
def test_entries_get_greater_sequences_than_the_order_key_of_a_send(tmp_path: Path, is_empty: bool) -> None:
    clock = Clock(NOON)
    journal = Journal(tmp_path / "journal.sqlite", clock)
    if not is_empty:
        journal.append("a", "0")
    journal.advance_past(NOON + 50)
    journal.advance_past(NOON + 20)
    assert [journal.append("a", "1"), journal.append("a", "2")] == [NOON + 51, NOON + 52]


def test_a_journal_of_an_earlier_version_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    before = sqlite3.connect(path)
    before.execute(
        "CREATE TABLE entries (sequence INTEGER PRIMARY KEY AUTOINCREMENT, subject TEXT NOT NULL, body TEXT NOT NULL, "
        "error TEXT)"
    )
    before.executemany("INSERT INTO entries (subject, body) VALUES (?, ?)", [("a", "1"), ("a", "2")])
    before.commit()
    before.close()
    journal = Journal(path, Clock(NOON))
    journal.append("a", "3")
    assert [(entry.body, entry.order_key) for entry in journal.read_after(0, 9)] == [
        ("1", None),
        ("2", None),
        ("3", NOON),
    ]


def test_appended_entries_survive_the_end_of_the_process(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    program = f"""
import os, pathlib
from services.session.worker.journal.journal import Journal
journal = Journal(pathlib.Path({str(path)!r}))
for number in range(100):
    journal.append("subject", str(number))
os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=30).returncode == -9
    assert [entry.body for entry in Journal(path).read_after(0, 200)] == [str(number) for number in range(100)]


def test_many_threads_append_at_the_same_time(journal: Journal) -> None:
    def write(name: str) -> None:
        for number in range(50):
            journal.append(name, str(number))

    threads = [threading.Thread(target=write, args=(f"t{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    entries = journal.read_after(0, 1000)
    assert len(entries) == 200
    assert [entry.body for entry in entries if entry.subject == "t2"] == [str(number) for number in range(50)]


def test_a_closed_journal_raises(journal: Journal) -> None:
    journal.close()
    with pytest.raises(sqlite3.ProgrammingError):
        journal.append("a", "1")
