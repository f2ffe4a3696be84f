"""The table that `bench memory` prints: what each process of Switchboard holds. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

LAUNCHER, ORPHAN_CLEANUP, WORKER = "launcher", "orphan cleanup", "session worker"
NOT_COUNTED = frozenset({"mongod", "simulator", LAUNCHER, ORPHAN_CLEANUP})
"""Processes that are listed and do not belong to the sum. The last two run on one's own machine only."""
_NAMES = {
    "services.router.main": "router",
    "services.session.main": "session",
    "services.session.worker.zygote": "session zygote",
    "services.api.main": "api",
    "services.realtime.main": "realtime",
    "deploy.local.front_proxy": "front",
    "deploy.local.orphan_cleanup": ORPHAN_CLEANUP,
    "deploy.local": LAUNCHER,
}
"""By the module that Python runs."""
_MB = 2**20


@dataclass(frozen=True)
class ProcessMemory:
    """Bytes of one process. proportional (PSS): a page that n processes share counts 1/n. resident (RSS): shared pages
    count in full."""

    name: str
    proportional: int
    resident: int
    threads: int = 1


def process_name(command: Sequence[str], parent_name: str | None) -> str:
    """What the table calls a process. A worker has the command line of the zygote that forked it."""
    is_module = len(command) > 2 and command[1] == "-m"
    name = _NAMES.get(command[2], command[2]) if is_module else Path(command[0]).name
    return WORKER if name == parent_name == _NAMES["services.session.worker.zygote"] else name


def counted_bytes(processes: Sequence[ProcessMemory]) -> int:
    """The proportional memory of all processes but NOT_COUNTED."""
    return sum(process.proportional for process in processes if process.name not in NOT_COUNTED)


def report_lines(processes: Sequence[ProcessMemory]) -> list[str]:
    """One line for each process, in MB, the counted ones first and then their sum."""
    counted = [process for process in processes if process.name not in NOT_COUNTED]
    resident = sum(process.resident for process in counted)
    return [
        f"{'process':20}{'PSS, MB':>10}{'RSS, MB':>10}{'threads':>10}",
        *(_line(process) for process in counted),
        f"{'sum':20}{counted_bytes(processes) / _MB:10.1f}{resident / _MB:10.1f}",
        "not counted:",
        *(_line(process) for process in processes if process.name in NOT_COUNTED),
    ]


def _line(process: ProcessMemory) -> str:
    sizes = f"{process.proportional / _MB:10.1f}{process.resident / _MB:10.1f}"
    return f"{process.name:20}{sizes}{process.threads:10}"
