"""A supervised child process: restarted with backoff when it ends; stopped together with its whole process group."""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from deploy.local.orphan_cleanup import signal_group

RESTART_DELAYS_S = (0.2, 1.0, 2.0, 5.0, 10.0)
"""Seconds before the first, second, ... restart in a row."""
STABLE_AFTER_S = 30.0
"""A process that ran this long starts again with the first delay."""
MAX_LOG_BYTES = 20_000_000
"""A larger log is moved to `<name>.log.1` at the next check."""
PRIVATE_UMASK = 0o077
"""Only the user who started Switchboard can read what its processes write (logs, data, keys)."""


class StartFailed(RuntimeError):
    """A process did not start; the message has its name, the end of its log and what to do."""


@dataclass(frozen=True)
class ProcessSpec:
    """What to run, where it logs, and with which environment (complete, not additional)."""

    name: str
    command: list[str]
    env: Mapping[str, str]
    cwd: Path
    log: Path


@dataclass(frozen=True)
class ProcessHooks:
    """tell_user: prints a sentence. on_started, on_ended: get the process group, for the orphan cleanup."""

    tell_user: Callable[[str], None]
    on_started: Callable[[int], None]
    on_ended: Callable[[int], None]


class ChildProcess:
    """Runs a process until `stop`. When the process exits by itself, prints a message and restarts it."""

    def __init__(self, spec: ProcessSpec, hooks: ProcessHooks) -> None:
        self.spec = spec
        self.unexpected_exits = 0
        self._hooks = hooks
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._stop = asyncio.Event()

    @property
    def pid(self) -> int:
        """Raises ProcessLookupError while it is not running."""
        if self._process is None or self._process.returncode is not None:
            raise ProcessLookupError(f"{self.spec.name} is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> None:
        """Raises StartFailed when the program cannot even be started."""
        self._stop.clear()
        process = await self._spawn()
        self._task = asyncio.create_task(self._supervise(process), name=f"supervise {self.spec.name}")

    async def stop(self, grace_s: float) -> None:
        """SIGTERM, then SIGKILL after `grace_s` seconds; afterwards the whole process group has ended."""
        self._stop.set()
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        if self._task is None:
            return
        _, still_running = await asyncio.wait({self._task}, timeout=grace_s)
        if still_running:
            self.kill()
            await asyncio.wait({self._task}, timeout=grace_s)
        self._task.cancel()
        self._task = None

    def kill(self) -> None:
        """SIGKILL to the process alone, as a crash would end it."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def last_log_lines(self, lines: int = 12) -> str:
        """The end of its log."""
        if not self.spec.log.is_file():
            return ""
        with self.spec.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 8000))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])

    def rotate_log(self) -> None:
        """Moves a large log aside and keeps one old part. The process appends to the same file, which is now empty."""
        with suppress(FileNotFoundError):
            if self.spec.log.stat().st_size > MAX_LOG_BYTES:
                with _open_private(self.spec.log.with_suffix(".log.1"), os.O_WRONLY | os.O_TRUNC) as old:
                    old.write(self.spec.log.read_bytes())
                os.truncate(self.spec.log, 0)

    async def _spawn(self) -> asyncio.subprocess.Process:
        self.rotate_log()
        try:
            with _open_private(self.spec.log, os.O_WRONLY | os.O_APPEND) as log:
                process = await asyncio.create_subprocess_exec(
                    *self.spec.command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env=dict(self.spec.env),
                    cwd=self.spec.cwd,
                    start_new_session=True,
                    umask=PRIVATE_UMASK,
                )
        except OSError as error:
            raise StartFailed(f"{self.spec.name} cannot be started: {error}") from error
        self._hooks.on_started(process.pid)
        self._process = process
        return process

    async def _supervise(self, process: asyncio.subprocess.Process) -> None:
        clock = asyncio.get_running_loop().time
        exits_in_row = 0
        while True:
            started_at = clock()
            if self._stop.is_set():  # `stop` was called during the restart
                process.terminate()
            code = await process.wait()
            signal_group(process.pid, signal.SIGKILL)  # its children end with it, as in a container
            self._hooks.on_ended(process.pid)
            if self._stop.is_set():
                return
            self.unexpected_exits += 1
            exits_in_row = 1 if clock() - started_at > STABLE_AFTER_S else min(exits_in_row + 1, len(RESTART_DELAYS_S))
            self._hooks.tell_user(
                f"{self.spec.name} ended ({_describe_exit(code)}) and is started again; log: {self.spec.log}"
            )
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), RESTART_DELAYS_S[exits_in_row - 1])
                return
            process = await self._spawn()


def _open_private(path: Path, flags: int) -> BinaryIO:
    """Opens or creates the file with mode 0600; an earlier version created it readable for everybody."""
    file = os.fdopen(os.open(path, flags | os.O_CREAT, 0o600), "wb")
    os.fchmod(file.fileno(), 0o600)
    return file


def _describe_exit(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
