"""`kill-test`: `kill -9` of each process in turn under load; prints lost and duplicated messages, and the seed."""

import argparse
import asyncio
import random
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import socketio
from pymongo import AsyncMongoClient

from deploy.local.bench_latency import linked_bench
from deploy.local.kill_test_counts import TABLE_HEADING, Tally, suspicious_ids, table_row, tally
from deploy.local.kill_test_round import Kill, SocketRecorder, TestBed, run_round
from deploy.local.stack import Options, Stack

TARGETS = ("worker", "supervisor", "router", "api", "realtime", "nats", "mongo")


def make_parser() -> argparse.ArgumentParser:
    """Options of `kill-test`."""
    parser = argparse.ArgumentParser(prog="switchboard kill-test", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="kills of each process (default: 5)")
    parser.add_argument("--rate", type=float, default=50, help="messages per second (default: 50)")
    parser.add_argument("--seconds", type=float, default=5, help="load of one round (default: 5)")
    parser.add_argument("--seed", type=int, help="repeats the moments of an earlier run")
    parser.add_argument("--data", metavar="DIR", help="keep all data in this folder, to examine it afterwards")
    parser.add_argument("--target", action="append", choices=TARGETS, help="only this one (may be given again)")
    return parser


def planned_kills(options: argparse.Namespace, seed: int) -> list[Kill]:
    """All kills in order, each at a random moment in the middle four fifths of its load."""
    generator, seconds = random.Random(seed), options.seconds
    return [
        Kill(target, generator.uniform(0.1, 0.9) * seconds, options.rate, seconds)
        for target in options.target or TARGETS
        for _ in range(options.rounds)
    ]


def print_line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


async def run(options: argparse.Namespace) -> int:
    """The exit status: 0 when no message was lost or duplicated."""
    seed = secrets.randbelow(2**31) if options.seed is None else options.seed
    print_line(f"seed {seed}, {options.rate:g} messages/s, kill -9 at a random moment of every {options.seconds:g} s")
    print_line(TABLE_HEADING)
    totals: dict[str, Tally] = {}
    async with open_test_bed(options.data) as test_bed:
        for kill in planned_kills(options, seed):
            result = await run_round(test_bed, kill)
            counts = tally(result)
            if not counts.clean:
                print_line(table_row(f"! {kill.target}", counts) + f"  killed after {kill.after:.2f} s")
                print_line("  " + " ".join(sorted(suspicious_ids(result))))
            totals[kill.target] = totals.get(kill.target, Tally()) + counts
    for target, counts in totals.items():
        print_line(table_row(target, counts))
    total = sum(totals.values(), Tally())
    print_line(table_row("all", total))
    print_line(f"{total.lost} lost, {total.duplicated} duplicated, seed {seed}")
    return 0 if total.clean else 1


@asynccontextmanager
async def open_test_bed(folder_to_keep: str | None) -> AsyncIterator[TestBed]:
    """A stack of its own, in a temporary folder unless it is to be folder_to_keep, with one linked phone."""
    recorder, client = SocketRecorder(), socketio.AsyncClient(reconnection_delay=0.2, reconnection_delay_max=1)
    client.on("whatsapp:message", recorder.record)
    with (
        nullcontext(folder_to_keep)
        if folder_to_keep
        else tempfile.TemporaryDirectory(prefix="switchboard-kill-") as folder
    ):
        async with Stack(Options(data=Path(folder), port=0)) as stack, linked_bench(stack.ready) as linked:
            database: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(stack.ready["mongo"])
            await client.connect(stack.ready["realtime"], auth={"token": stack.ready["token"]})
            try:
                yield TestBed(stack, linked.simulator, database["switchboard"], recorder, linked.phone, linked.contacts)
            finally:
                await client.disconnect()
                await database.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(run(make_parser().parse_args())))
