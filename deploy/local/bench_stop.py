"""`bench stop`: from Ctrl-C to the end of the last process of `./switchboard up`, with linked accounts, an open socket,
idle connections, messages that arrive and a send that is under way."""

import argparse
import asyncio
import json
import signal
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from deploy.local.bench_latency import Bench, link, prepared
from deploy.local.ports import free_run
from deploy.local.process_specs import ROOT

RUNS, ACCOUNTS, RATE = 10, 3, 10.0
WANTED_S = 3.0
_LIMIT_S, _LOOK_S, _AT_WORK_S = 60.0, 0.01, 2.0


@dataclass(frozen=True)
class Ended:
    """Seconds from the signal to the end of the last process, and of each process by what it is; what was left."""

    seconds: float
    parts: dict[str, float]
    left: list[str]


def make_parser() -> argparse.ArgumentParser:
    """Options of `bench stop`."""
    parser = argparse.ArgumentParser(prog="switchboard bench stop", description=__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help=f"how often it is started and stopped (default: {RUNS})")
    return parser


async def run(args: argparse.Namespace) -> int:
    """0 when the median is at most WANTED_S and no run left a process."""
    found = []
    for number in range(args.runs):
        with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder:
            ended = await _once(Path(folder))
        found.append(ended)
        slowest = ", ".join(f"{name} {seconds:.1f}" for name, seconds in _slowest(ended.parts))
        sys.stdout.write(
            f"{number + 1}: {ended.seconds:.2f} s ({slowest}){' left: ' if ended.left else ''}{ended.left or ''}\n"
        )
        sys.stdout.flush()
    times = [ended.seconds for ended in found]
    sys.stdout.write(f"median {statistics.median(times):.2f} s, max {max(times):.2f} s of {len(times)}\n")
    return int(statistics.median(times) > WANTED_S or any(ended.left for ended in found))


def _slowest(parts: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(parts.items(), key=lambda part: part[1])


async def _once(folder: Path) -> Ended:
    process = await asyncio.create_subprocess_exec(
        "./switchboard",
        "up",
        "--json",
        "--data",
        str(folder / "data"),
        "--port",
        str(free_run()),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout
    try:
        ready = json.loads(await process.stdout.readline())
        async with AsyncExitStack() as opened:
            bench = await opened.enter_async_context(prepared(ready))
            await _put_to_work(bench, ready, opened)
            return await _interrupt(psutil.Process(process.pid))
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        await process.wait()


async def _put_to_work(bench: Bench, ready: dict[str, Any], opened: AsyncExitStack) -> None:
    for _ in range(ACCOUNTS - 1):
        bench.browser.latest.clear()
        await link(ready, bench.simulator, bench.browser, (await bench.simulator.post("/phones"))["number"])
    headers = {"Authorization": f"Bearer {ready['token']}"}
    api = httpx.AsyncClient(base_url=ready["api"], headers=headers, trust_env=False, timeout=60)
    await opened.enter_async_context(api)
    await asyncio.gather(*(api.get("/api/conversations") for _ in range(6)))  # connections that stay open
    await bench.simulator.post("/load", to=bench.phone, contacts=bench.contacts, rate=RATE, count=int(RATE * _LIMIT_S))
    await asyncio.sleep(_AT_WORK_S)
    talk = (await api.get("/api/conversations")).json()["data"][0]
    path = f"/api/whatsapp/instances/{talk['instance_id']}/send"
    body = {"to": talk["contact"]["phone_number"], "message": "an answer"}
    sending = asyncio.create_task(api.post(path, json=body))
    opened.callback(sending.cancel)
    await asyncio.sleep(0)


async def _interrupt(launcher: psutil.Process) -> Ended:
    """As Ctrl-C in a terminal does, to the launcher; the others are in groups of their own."""
    names = {child: _name(child) for child in launcher.children(recursive=True) if _lives(child)}
    begun = time.monotonic()
    launcher.send_signal(signal.SIGINT)
    names[launcher] = "launcher"
    parts: dict[str, float] = {}
    while names and time.monotonic() - begun < _LIMIT_S:
        for process in [process for process in names if not _lives(process)]:
            parts[names.pop(process)] = time.monotonic() - begun
        await asyncio.sleep(_LOOK_S)
    return Ended(time.monotonic() - begun, parts, sorted(names.values()))


def _name(process: psutil.Process) -> str:
    words = process.cmdline()
    module = words[words.index("-m") + 1] if "-m" in words else Path(words[0]).name
    return module if not module.endswith("zygote") else f"zygote {process.pid}"


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    sys.exit(asyncio.run(run(make_parser().parse_args())))
