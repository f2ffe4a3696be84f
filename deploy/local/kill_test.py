"""`kill-test`: `kill -9` of each process in turn under load; prints what was lost or came twice, and the seed."""

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

from deploy.local.bench_latency import prepared
from deploy.local.kill_test_counts import HEADING, Tally, line, suspects, tally
from deploy.local.kill_test_round import Blow, Scene, Witness, play
from deploy.local.stack import Options, Stack

TARGETS = ("worker", "supervisor", "router", "api", "realtime", "nats", "mongo")


def make_parser() -> argparse.ArgumentParser:
    """Options of `kill-test`."""
    parser = argparse.ArgumentParser(prog="switchboard kill-test", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="kills of each process (default: 5)")
    parser.add_argument("--rate", type=float, default=50, help="messages per second (default: 50)")
    parser.add_argument("--seconds", type=float, default=5, help="load of one round (default: 5)")
    parser.add_argument("--seed", type=int, help="repeats the moments of an earlier run")
    parser.add_argument("--data", metavar="DIR", help="keep everything here, to look into what was found")
    parser.add_argument("--target", action="append", choices=TARGETS, help="only this one (may be given again)")
    return parser


def blows(options: argparse.Namespace, seed: int) -> list[Blow]:
    """All kills in order. The moment lies in the middle four fifths of the load."""
    dice, seconds = random.Random(seed), options.seconds
    return [
        Blow(target, dice.uniform(0.1, 0.9) * seconds, options.rate, seconds)
        for target in options.target or TARGETS
        for _ in range(options.rounds)
    ]


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


async def run(options: argparse.Namespace) -> int:
    """The exit status: 0 when nothing was lost and nothing came twice."""
    seed = secrets.randbelow(2**31) if options.seed is None else options.seed
    say(f"seed {seed}, {options.rate:g} messages/s, kill -9 at a random moment of every {options.seconds:g} s")
    say(HEADING)
    totals: dict[str, Tally] = {}
    async with scene(options.data) as stage:
        for blow in blows(options, seed):
            found = await play(stage, blow)
            result = tally(found)
            if not result.clean:
                say(line(f"! {blow.target}", result) + f"  killed after {blow.after:.2f} s")
                say("  " + " ".join(sorted(suspects(found))))
            totals[blow.target] = totals.get(blow.target, Tally()) + result
    for target, result in totals.items():
        say(line(target, result))
    total = sum(totals.values(), Tally())
    say(line("all", total))
    say(f"{total.lost} lost, {total.duplicated} duplicated, seed {seed}")
    return 0 if total.clean else 1


@asynccontextmanager
async def scene(kept: str | None) -> AsyncIterator[Scene]:
    """A stack of its own, in a temporary folder unless it is to be kept, with one linked phone."""
    witness, client = Witness(), socketio.AsyncClient(reconnection_delay=0.2, reconnection_delay_max=1)
    client.on("whatsapp:message", witness.hear)
    with nullcontext(kept) if kept else tempfile.TemporaryDirectory(prefix="switchboard-kill-") as folder:
        async with Stack(Options(data=Path(folder), port=0)) as stack, prepared(stack.ready) as linked:
            database: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(stack.ready["mongo"])
            await client.connect(stack.ready["realtime"], auth={"token": stack.ready["token"]})
            try:
                yield Scene(stack, linked.simulator, database["switchboard"], witness, linked.phone, linked.contacts)
            finally:
                await client.disconnect()
                await database.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(run(make_parser().parse_args())))
