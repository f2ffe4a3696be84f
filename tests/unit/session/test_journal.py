"""The journal keeps what nobody else has."""

import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from services.session.journal import Journal, JournalEntry


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.sqlite")


def test_entries_come_out_in_order(journal: Journal) -> None:
    first, second = journal.append("a", "1"), journal.append("b", "2", error="broken")
    assert journal.after(0, 10) == [JournalEntry(first, "a", "1"), JournalEntry(second, "b", "2", "broken")]
    assert journal.after(first, 10) == [JournalEntry(second, "b", "2", "broken")]
    assert len(journal.after(0, 1)) == 1


def test_removing_forgets_up_to_and_including(journal: Journal) -> None:
    sequences = [journal.append("a", str(number)) for number in range(4)]
    journal.remove_through(sequences[1])
    assert [entry.body for entry in journal.after(0, 10)] == ["2", "3"]
    assert len(journal) == 2


def test_a_sequence_is_never_used_twice(tmp_path: Path) -> None:
    before = Journal(tmp_path / "journal.sqlite")
    last = before.append("a", "1")
    before.remove_through(last)
    before.close()
    assert Journal(tmp_path / "journal.sqlite").append("a", "2") > last


def test_what_was_appended_survives_the_end_of_the_process(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    program = f"""
import os, pathlib
from services.session.journal import Journal
journal = Journal(pathlib.Path({str(path)!r}))
for number in range(100):
    journal.append("subject", str(number))
os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=30).returncode == -9
    assert [entry.body for entry in Journal(path).after(0, 200)] == [str(number) for number in range(100)]


def test_many_threads_append_at_the_same_time(journal: Journal) -> None:
    def write(name: str) -> None:
        for number in range(50):
            journal.append(name, str(number))

    threads = [threading.Thread(target=write, args=(f"t{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    entries = journal.after(0, 1000)
    assert len(entries) == 200
    assert [entry.body for entry in entries if entry.subject == "t2"] == [str(number) for number in range(50)]


def test_a_closed_journal_refuses(journal: Journal) -> None:
    journal.close()
    with pytest.raises(sqlite3.ProgrammingError):
        journal.append("a", "1")
