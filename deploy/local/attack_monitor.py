"""Memory and processor time of the stack's processes while `bench attack` runs."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Self

import psutil

from deploy.local.attack_report import MONITORED_PROCESSES, VICTIM, MemorySizes
from deploy.local.stack import Stack

_POLL_INTERVAL_S = 0.2


@dataclass(frozen=True)
class ProcessorUsage:
    """Processor seconds so far by process name, child processes included (workers of session); VICTIM is this process.

    at: monotonic seconds of the measurement.
    """

    seconds: Mapping[str, float]
    at: float

    @classmethod
    def of(cls, stack: Stack) -> Self:
        used = {name: _processor_seconds(stack, name) for name in MONITORED_PROCESSES}
        return cls(used | {VICTIM: time.process_time()}, time.monotonic())

    def share(self, before: "ProcessorUsage", name: str) -> float:
        """The share of one processor since `before`; 0 for a process that was restarted."""
        return max(0.0, (self.seconds[name] - before.seconds[name]) / (self.at - before.at))


def _processor_seconds(stack: Stack, name: str) -> float:
    total = 0.0
    with suppress(ProcessLookupError, psutil.NoSuchProcess):
        process = psutil.Process(stack.pid(name))
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                times = one.cpu_times()
                total += times.user + times.system
    return total


class MemoryMonitor:
    """Resident memory of the stack's processes, by name."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.before = self.now()
        self.peak = dict(self.before)

    def now(self) -> dict[str, int]:
        """Bytes by process name; a process that is being restarted counts as 0."""
        return {name: self._size(name) for name in MONITORED_PROCESSES}

    def _size(self, name: str) -> int:
        try:
            return int(psutil.Process(self._stack.pid(name)).memory_info().rss)
        except (ProcessLookupError, psutil.NoSuchProcess):
            return 0

    async def run(self) -> None:
        while True:
            await asyncio.sleep(_POLL_INTERVAL_S)
            for name, size in self.now().items():
                self.peak[name] = max(self.peak[name], size)

    def sizes(self) -> dict[str, MemorySizes]:
        """The sizes before, at the peak and, as of now, after the attack."""
        after = self.now()
        return {name: MemorySizes(self.before[name], self.peak[name], after[name]) for name in MONITORED_PROCESSES}


@asynccontextmanager
async def monitored(monitor: MemoryMonitor) -> AsyncIterator[None]:
    """Samples the memory while the block runs."""
    task = asyncio.create_task(monitor.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
