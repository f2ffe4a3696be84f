"""Processor time and memory of the stack's processes, and the number of operations of MongoDB."""

import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

import psutil

from deploy.local.stack import Stack

SERVER_PROCESSES = ("nats", "mongo", "session", "router", "api", "realtime", "front")
"""All processes of the stack but the simulator."""
THIS_PROCESS = "callers"
"""Name of the process that measures and makes the requests."""
_OPERATIONS = ("find", "insert", "update", "delete", "findAndModify", "aggregate", "count", "distinct", "bulkWrite")
"""Commands of MongoDB that read or write documents. One command is one round trip, however many documents it has."""


def processor_seconds(pid: int) -> float:
    """User and system time of a process and its child processes (the workers of session); 0 when it has ended."""
    total = 0.0
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                times = one.cpu_times()
                total += times.user + times.system
    return total


def proportional_bytes(pid: int) -> int:
    """Proportional memory of a process and its child processes: a page that n processes share counts 1/n for each."""
    total = 0
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                total += one.memory_full_info().pss
    return total


@dataclass(frozen=True)
class ProcessorTimes:
    """Processor seconds so far, by process. at: monotonic seconds of the measurement."""

    seconds: Mapping[str, float]
    at: float

    @classmethod
    def of(cls, stack: Stack, names: Iterable[str] | None = None) -> Self:
        used = {name: processor_seconds(stack.pid(name)) for name in names or stack.names}
        return cls(used | {THIS_PROCESS: processor_seconds_of_this_process()}, time.monotonic())

    def since(self, before: "ProcessorTimes") -> dict[str, float]:
        """Processor seconds between two measurements, by process; 0 for a process that was restarted."""
        return {name: max(0.0, used - before.seconds[name]) for name, used in self.seconds.items()}


def processor_seconds_of_this_process() -> float:
    """Without its child processes, which are those of the stack."""
    times = os.times()
    return times.user + times.system


async def mongo_operations(database: Any) -> int:
    """Operations of the MongoDB server since its start, those of its own replication apart."""
    status = await database.client.admin.command("serverStatus")
    commands = status["metrics"]["commands"]
    return sum(int(commands.get(name, {}).get("total", 0)) for name in _OPERATIONS)
