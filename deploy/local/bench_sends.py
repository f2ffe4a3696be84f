"""`bench sends`: texts per second through REST, sockets and NATS, and through the bare library, with many accounts."""

import argparse
import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from deploy.local import bare_library
from deploy.local.process_usage import SERVER_PROCESSES, ProcessorTimes, mongo_operations, proportional_bytes
from deploy.local.send_accounts import link_accounts, targets
from deploy.local.send_callers import CommandBurst, SendSamples, closed_loop, rest_sender, socket_sender
from deploy.local.sends_report import SendFigures, figures, lines
from deploy.local.stack import Options, Stack
from shared.messaging.client import NatsClient
from shared.platform.mongo import Database, open_mongo
from shared.platform.settings import Settings

DEFAULT_ACCOUNTS, DEFAULT_SECONDS, DEFAULT_BURST = 25, 15.0, 2_000
CALLERS = (1, 8, 32)
_SOCKETS = 8
_IDLE_S = 5.0
_SETTLE_S = 1.0
"""Between two measurements: receipts of the last sends come in."""
_NO_LIMITS = {
    "WA_RATE_LIMIT_CALLER": "100000000",
    "WA_RATE_LIMIT_ORGANIZATION": "100000000",
    "WA_SOCKET_RATE": "1000000",
    "WA_SOCKET_BURST": "1000000",
}
"""Rate limits count every request as usual, and refuse none."""


class SendsBench:
    """A running stack. `figures`: what was measured so far."""

    def __init__(self, stack: Stack, database: Database) -> None:
        self._stack = stack
        self._database = database
        self._idle_operations_per_s = 0.0
        self.figures: list[SendFigures] = []

    async def measure_idle(self) -> None:
        """The operations of MongoDB that are made anyhow, which are not counted as those of sends."""
        before = await mongo_operations(self._database)
        await asyncio.sleep(_IDLE_S)
        self._idle_operations_per_s = (await mongo_operations(self._database) - before) / _IDLE_S

    async def measure(self, name: str, run: Callable[[], Awaitable[SendSamples]]) -> None:
        await asyncio.sleep(_SETTLE_S)
        operations, used = await mongo_operations(self._database), ProcessorTimes.of(self._stack)
        samples = await run()
        await asyncio.sleep(_SETTLE_S)
        after = ProcessorTimes.of(self._stack)
        idle_operations = self._idle_operations_per_s * (after.at - used.at)
        made = await mongo_operations(self._database) - operations - idle_operations
        self.figures.append(
            figures(
                name,
                samples.durations_s,
                samples.elapsed_s,
                others=samples.others,
                processor_s=after.since(used),
                mongo_operations=made,
            )
        )


async def measure(stack: Stack, args: argparse.Namespace) -> dict[str, Any]:
    """All figures. Raises ValueError when nothing was sent."""
    ready = stack.ready
    accounts = await link_accounts(ready, args.accounts)
    memory = {name: proportional_bytes(stack.pid(name)) for name in stack.names}
    chosen = targets(accounts)
    async with open_mongo(Settings(mongo_url=ready["mongo"])) as database:
        bench = SendsBench(stack, database)
        await _warm_up(ready, chosen, 4 * args.accounts)
        await bench.measure_idle()
        async with rest_sender(ready) as send:
            for callers in CALLERS:
                run_callers = partial(closed_loop, send, chosen, callers, args.seconds)
                await bench.measure(f"REST, {callers} at once", run_callers)
        async with socket_sender(ready, _SOCKETS) as send_by_socket:
            await bench.measure(
                f"socket, {_SOCKETS} at once", lambda: closed_loop(send_by_socket, chosen, _SOCKETS, args.seconds)
            )
        client = NatsClient()
        await client.connect(ready["nats"])
        burst = CommandBurst(client, ready["organization_id"])
        await bench.measure(f"NATS, {args.burst} commands", lambda: burst.run(chosen, args.burst))
        await client.close()
    return {"figures": bench.figures, "memory": memory}


async def _warm_up(ready: dict[str, Any], chosen: Iterator[tuple[str, str]], count: int) -> None:
    """The first text to each contact: keys, contacts and conversations are made."""
    async with rest_sender(ready) as send:
        slots = asyncio.Semaphore(4)

        async def one() -> None:
            async with slots:
                await send(*next(chosen), "hello")

        await asyncio.gather(*(one() for _ in range(count)))


async def run(args: argparse.Namespace) -> int:
    """Prints the figures; 0 when every text was sent."""
    with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder:
        options = Options(data=Path(folder) / "stack", port=0, environ=dict(os.environ) | _NO_LIMITS)
        async with Stack(options) as stack:
            measured = await measure(stack, args)
    all_figures: list[SendFigures] = measured["figures"]
    if not args.no_library:
        all_figures += await bare_library.measure(args.accounts, CALLERS, args.seconds)
    if args.json:
        sys.stdout.write(json.dumps({"figures": [row.as_json() for row in all_figures], "memory": measured["memory"]}))
    else:
        memory = {name: size for name, size in measured["memory"].items() if name in SERVER_PROCESSES}
        sizes = ", ".join(f"{name} {size / 2**20:.0f}" for name, size in memory.items())
        without_mongo = sum(size for name, size in memory.items() if name != "mongo") / 2**20
        printed = [
            *lines(all_figures, (*SERVER_PROCESSES, bare_library.PROCESS)),
            f"memory at rest, MB: {sizes}; without MongoDB {without_mongo:.0f}",
        ]
        sys.stdout.write("\n".join(printed) + "\n")
    return 1 if any(row.others for row in all_figures) else 0


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="switchboard bench sends", description=__doc__)
    parser.add_argument("--accounts", type=int, default=DEFAULT_ACCOUNTS, help="linked accounts")
    parser.add_argument("--seconds", type=float, default=DEFAULT_SECONDS, help="of each measurement")
    parser.add_argument("--burst", type=int, default=DEFAULT_BURST, help="commands published at once on NATS")
    parser.add_argument("--no-library", action="store_true", help="leave out the comparison with the bare library")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
