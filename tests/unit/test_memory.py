"""Folders in memory, and on disk where memory is short."""

import fcntl
import os
from pathlib import Path

import pytest

from tests import memory
from tests.memory import in_memory


@pytest.fixture(autouse=True)
def shared_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Plays /dev/shm."""
    folder = tmp_path / "shm"
    folder.mkdir()
    monkeypatch.setattr(memory, "MEMORY", folder)
    monkeypatch.setattr(memory, "NEEDED_BYTES", 0)
    return folder


def test_the_folder_is_in_memory_and_is_deleted(tmp_path: Path, shared_memory: Path) -> None:
    with in_memory(tmp_path / "mongo", tmp_path / "nats"):
        (tmp_path / "mongo" / "data").write_text("one")
        assert [path.read_text() for path in shared_memory.glob("*/*/data")] == ["one"]
        assert (tmp_path / "nats").is_dir()
    assert list(shared_memory.iterdir()) == []


def test_a_machine_that_is_short_of_memory_has_it_on_disk(
    tmp_path: Path, shared_memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "NEEDED_BYTES", 1 << 60)
    with in_memory(tmp_path / "mongo"):
        assert not (tmp_path / "mongo").is_symlink()
        assert list(shared_memory.iterdir()) == []
    assert (tmp_path / "mongo").is_dir()


def test_a_machine_without_such_a_folder_has_it_on_disk(tmp_path: Path, shared_memory: Path) -> None:
    shared_memory.rmdir()
    with in_memory(tmp_path / "mongo"):
        assert (tmp_path / "mongo").is_dir()


def test_leftovers_of_killed_runs_are_deleted_and_folders_in_use_are_not(tmp_path: Path, shared_memory: Path) -> None:
    left, used = (shared_memory / f"{memory.PREFIX}{name}" for name in ("left", "used"))
    for folder in (left, used):
        folder.mkdir()
    lock = os.open(used, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    with in_memory(tmp_path / "mongo"):
        assert not left.exists()
        assert used.exists()
    os.close(lock)
