"""Counts which files of the product a piece of work runs through, by `sys.setprofile`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).parents[1]
PRODUCT = tuple(f"{ROOT / folder}/" for folder in ("services", "shared"))


@dataclass
class FileVisits:
    """`path`: the files in the order of the function calls, consecutive calls into one file counted once.

    A coroutine that is resumed is not called again. `frames` keeps every frame alive, so that an id stays unique.
    """

    path: list[str] = field(default_factory=list)
    frames: dict[int, FrameType] = field(default_factory=dict)

    def profile(self, frame: FrameType, event: str, _argument: Any) -> None:
        name = frame.f_code.co_filename
        if event != "call" or id(frame) in self.frames or not name.startswith(PRODUCT):
            return
        self.frames[id(frame)] = frame
        if not self.path or self.path[-1] != name:
            self.path.append(name)

    @property
    def figures(self) -> dict[str, int]:
        """visits to files, distinct files, and returns to a file that it had left."""
        files = len(set(self.path))
        return {"visits": len(self.path), "files": files, "returns": len(self.path) - files}


@contextmanager
def counted_visits() -> Iterator[FileVisits]:
    """Counts the work of this thread inside the block."""
    visits = FileVisits()
    sys.setprofile(visits.profile)
    try:
        yield visits
    finally:
        sys.setprofile(None)
        visits.frames.clear()
