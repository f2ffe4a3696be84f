"""One supervised child process: started, watched, restarted with backoff, stopped with everything it started."""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from deploy.local.orphan_cleanup import signal_group

BACKOFF = (0.2, 1.0, 2.0, 5.0, 10.0)
"""Seconds before the first, second, ... restart in a row."""
CALM = 30.0
"""Seconds of running after which a death counts as the first again."""
MAX_LOG = 20_000_000
"""Bytes; a larger log is moved aside at the next look."""
PRIVATE_UMASK = 0o077
"""What a process writes (logs, data, keys) is for the user who started it only."""


class StartFailed(RuntimeError):
    """A process did not come up; the message says which, what it said and what to do."""


@dataclass(frozen=True)
class Plan:
    """What to run, where it logs, and with which environment (complete, not additional)."""

    name: str
    command: list[str]
    env: Mapping[str, str]
    cwd: Path
    log: Path


@dataclass(frozen=True)
class Hooks:
    """say: a sentence for the user. started, ended: a process group, for the reaper."""

    say: Callable[[str], None]
    started: Callable[[int], None]
    ended: Callable[[int], None]


class Child:
    """Runs its plan until `stop`; what dies is started again, and said."""

    def __init__(self, plan: Plan, hooks: Hooks) -> None:
        self.plan, self.deaths = plan, 0
        self._hooks = hooks
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    @property
    def pid(self) -> int:
        """Raises ProcessLookupError while it is not running."""
        if self._process is None or self._process.returncode is not None:
            raise ProcessLookupError(f"{self.plan.name} is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Raises StartFailed when the program cannot even be started."""
        self._stop.clear()
        process = await self._spawn()
        self._task = asyncio.create_task(self._watch(process), name=f"watch {self.plan.name}")

    async def stop(self, grace: float) -> None:
        """SIGTERM, then SIGKILL after `grace` seconds; the whole process group is gone afterwards."""
        self._stop.set()
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        if self._task is None:
            return
        _, late = await asyncio.wait({self._task}, timeout=grace)
        if late:
            self.kill()
            await asyncio.wait({self._task}, timeout=grace)
        self._task.cancel()
        self._task = None

    def kill(self) -> None:
        """SIGKILL to the process alone, as a crash would end it."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def last_words(self, lines: int = 12) -> str:
        """The end of its log."""
        if not self.plan.log.is_file():
            return ""
        with self.plan.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 8000))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])

    def trim_log(self) -> None:
        """Keep one old part: the process goes on writing into the same, now empty file (it appends)."""
        with suppress(FileNotFoundError):
            if self.plan.log.stat().st_size > MAX_LOG:
                with _private(self.plan.log.with_suffix(".log.1"), os.O_WRONLY | os.O_TRUNC) as old:
                    old.write(self.plan.log.read_bytes())
                os.truncate(self.plan.log, 0)

    async def _spawn(self) -> asyncio.subprocess.Process:
        self.trim_log()
        try:
            with _private(self.plan.log, os.O_WRONLY | os.O_APPEND) as log:
                process = await asyncio.create_subprocess_exec(
                    *self.plan.command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=dict(self.plan.env),
                    cwd=self.plan.cwd,
                    start_new_session=True,
                    umask=PRIVATE_UMASK,
                )
        except OSError as error:
            raise StartFailed(f"{self.plan.name} cannot be started: {error}") from error
        self._hooks.started(process.pid)
        self._process = process
        return process

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        clock = asyncio.get_running_loop().time
        row = 0
        while True:
            began = clock()
            if self._stop.is_set():  # asked to stop while it was being started again
                process.terminate()
            code = await process.wait()
            signal_group(process.pid, signal.SIGKILL)  # what it started ends with it, as in a container
            self._hooks.ended(process.pid)
            if self._stop.is_set():
                return
            self.deaths += 1
            row = 1 if clock() - began > CALM else min(row + 1, len(BACKOFF))
            self._hooks.say(f"{self.plan.name} ended ({_ending(code)}) and is started again; log: {self.plan.log}")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), BACKOFF[row - 1])
                return
            process = await self._spawn()


def _private(path: Path, flags: int) -> BinaryIO:
    """The file, made when missing, readable by its owner only; also one that an earlier version made for everybody."""
    file = os.fdopen(os.open(path, flags | os.O_CREAT, 0o600), "wb")
    os.fchmod(file.fileno(), 0o600)
    return file


def _ending(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
