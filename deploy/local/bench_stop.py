"""`bench stop`: seconds from Ctrl-C to the end of the last process of `./switchboard up`, under load: linked accounts,
an open socket, idle connections, arriving messages and a send in progress."""

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

from deploy.local.bench_latency import LatencyBench, link, linked_bench
from deploy.local.launcher_process import start_launcher

DEFAULT_RUNS, INSTANCES, LOAD_RATE_PER_S = 10, 3, 10.0
MAX_MEDIAN_S = 3.0
_STOP_TIMEOUT_S, _EXIT_POLL_S, _LOAD_BEFORE_STOP_S = 60.0, 0.01, 2.0


@dataclass(frozen=True)
class StopResult:
    """seconds: from the signal to the end of the last process. parts: the same for each process. left: those that
    did not end."""

    seconds: float
    parts: dict[str, float]
    left: list[str]


def make_parser() -> argparse.ArgumentParser:
    """Options of `bench stop`."""
    parser = argparse.ArgumentParser(prog="switchboard bench stop", description=__doc__)
    parser.add_argument(
        "--runs", type=int, default=DEFAULT_RUNS, help=f"how often it is started and stopped (default: {DEFAULT_RUNS})"
    )
    return parser


async def run(args: argparse.Namespace) -> int:
    """0 when the median is at most MAX_MEDIAN_S and every process of every run ended."""
    results = []
    for number in range(args.runs):
        with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder:
            result = await _measure_once(Path(folder))
        results.append(result)
        slowest = ", ".join(f"{name} {seconds:.1f}" for name, seconds in _slowest(result.parts))
        sys.stdout.write(
            f"{number + 1}: {result.seconds:.2f} s ({slowest}){' left: ' if result.left else ''}{result.left or ''}\n"
        )
        sys.stdout.flush()
    times = [result.seconds for result in results]
    sys.stdout.write(f"median {statistics.median(times):.2f} s, max {max(times):.2f} s of {len(times)}\n")
    return int(statistics.median(times) > MAX_MEDIAN_S or any(result.left for result in results))


def _slowest(parts: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(parts.items(), key=lambda part: part[1])


async def _measure_once(folder: Path) -> StopResult:
    process = await start_launcher(folder)
    assert process.stdout
    try:
        ready = json.loads(await process.stdout.readline())
        async with AsyncExitStack() as contexts:
            bench = await contexts.enter_async_context(linked_bench(ready))
            await _start_work(bench, ready, contexts)
            return await _interrupt(psutil.Process(process.pid))
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        await process.wait()


async def _start_work(bench: LatencyBench, ready: dict[str, Any], contexts: AsyncExitStack) -> None:
    for _ in range(INSTANCES - 1):
        bench.recorder.latest.clear()
        await link(ready, bench.simulator, bench.recorder, (await bench.simulator.post("/phones"))["number"])
    headers = {"Authorization": f"Bearer {ready['token']}"}
    api = httpx.AsyncClient(base_url=ready["api"], headers=headers, trust_env=False, timeout=60)
    await contexts.enter_async_context(api)
    await asyncio.gather(*(api.get("/api/conversations") for _ in range(6)))  # keep-alive connections
    await bench.simulator.post(
        "/load",
        to=bench.phone,
        contacts=bench.contacts,
        rate=LOAD_RATE_PER_S,
        count=int(LOAD_RATE_PER_S * _STOP_TIMEOUT_S),
    )
    await asyncio.sleep(_LOAD_BEFORE_STOP_S)
    conversation = (await api.get("/api/conversations")).json()["data"][0]
    path = f"/api/whatsapp/instances/{conversation['instance_id']}/send"
    body = {"to": conversation["contact"]["phone_number"], "message": "an answer"}
    sending = asyncio.create_task(api.post(path, json=body))
    contexts.callback(sending.cancel)
    await asyncio.sleep(0)


async def _interrupt(launcher: psutil.Process) -> StopResult:
    """Interrupts the launcher, as Ctrl-C in a terminal does; the other processes are in other process groups."""
    names = {child: _name(child) for child in launcher.children(recursive=True) if _is_alive(child)}
    started_at = time.monotonic()
    launcher.send_signal(signal.SIGINT)
    names[launcher] = "launcher"
    parts: dict[str, float] = {}
    while names and time.monotonic() - started_at < _STOP_TIMEOUT_S:
        for process in [process for process in names if not _is_alive(process)]:
            parts[names.pop(process)] = time.monotonic() - started_at
        await asyncio.sleep(_EXIT_POLL_S)
    return StopResult(time.monotonic() - started_at, parts, sorted(names.values()))


def _name(process: psutil.Process) -> str:
    words = process.cmdline()
    module = words[words.index("-m") + 1] if "-m" in words else Path(words[0]).name
    return module if not module.endswith("zygote") else f"zygote {process.pid}"


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    sys.exit(asyncio.run(run(make_parser().parse_args())))
