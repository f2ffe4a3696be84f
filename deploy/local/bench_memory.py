"""`bench memory`: what each process of `./switchboard up` holds with linked accounts at rest.

Other programs on the machine that run the same files, such as a second Switchboard, make the proportional figures (PSS)
smaller.
"""

import argparse
import asyncio
import json
import signal
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import psutil

from deploy.local.launcher_process import start_launcher
from deploy.local.memory_report import ProcessMemory, counted_bytes, process_name, report_lines
from deploy.local.send_accounts import link_accounts

DEFAULT_ACCOUNTS, DEFAULT_REST_S = 25, 20.0
MAX_BYTES = 400 * 2**20
"""Of all processes but MongoDB and the simulator, with 25 accounts."""


def make_parser() -> argparse.ArgumentParser:
    """Options of `bench memory`."""
    parser = argparse.ArgumentParser(prog="switchboard bench memory", description=__doc__)
    parser.add_argument("--accounts", type=int, default=DEFAULT_ACCOUNTS, help="linked accounts")
    parser.add_argument("--rest", type=float, default=DEFAULT_REST_S, help="seconds without work before measuring")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


async def run(args: argparse.Namespace) -> int:
    """1 when the sum exceeds MAX_BYTES."""
    with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder:
        processes = await _measure(Path(folder), args.accounts, args.rest)
    if args.json:
        sys.stdout.write(json.dumps([vars(process) for process in processes]) + "\n")
    else:
        sys.stdout.write("\n".join(report_lines(processes)) + "\n")
    return int(counted_bytes(processes) > MAX_BYTES)


async def _measure(folder: Path, accounts: int, rest_s: float) -> list[ProcessMemory]:
    launcher = await start_launcher(folder)
    assert launcher.stdout
    try:
        await link_accounts(json.loads(await launcher.stdout.readline()), accounts)
        await asyncio.sleep(rest_s)
        return _memory_of(psutil.Process(launcher.pid), None)
    finally:
        with suppress(ProcessLookupError):
            launcher.send_signal(signal.SIGINT)
        await launcher.wait()


def _memory_of(process: psutil.Process, parent_name: str | None) -> list[ProcessMemory]:
    """Of this process and of those that it started, each before its own children. A process that ends
    while it is read is left out."""
    with suppress(psutil.NoSuchProcess):  # also of a zombie
        name = process_name(process.cmdline(), parent_name)
        sizes = process.memory_full_info()
        children = [line for child in process.children() for line in _memory_of(child, name)]
        return [ProcessMemory(name, sizes.pss, sizes.rss, process.num_threads()), *children]
    return []


if __name__ == "__main__":
    sys.exit(asyncio.run(run(make_parser().parse_args())))
