"""`kill-test`: `kill -9` of each process in turn, while messages come in and texts are sent; counts what is lost or
comes twice in either direction, and prints the seed."""

import argparse
import asyncio
import random
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient

from deploy.local.kill_test_counts import TABLE_HEADING, RoundResult, Tally, suspicious_ids, table_row, tally
from deploy.local.kill_test_outcomes import SendSources
from deploy.local.kill_test_round import Kill, KillLoad, TestBed, read_results, run_load, settled_results
from deploy.local.kill_test_send_counts import (
    SEND_HEADING,
    SendResult,
    SendTally,
    fault_lines,
    reason_lines,
    send_row,
    tally_sends,
)
from deploy.local.kill_test_sends import send_callers
from deploy.local.kill_test_socket import recording_socket
from deploy.local.send_accounts import link_accounts, targets
from deploy.local.stack import Options, Stack
from simulator.client import SimulatorClient

TARGETS = ("worker", "supervisor", "router", "api", "realtime", "nats", "mongo")
_CONTACTS = 20
"""They write to the first account."""
_REDELIVERY_S = 35.0
"""After this time NATS has delivered again what a killed process had not acknowledged (WA_ACK_WAIT, 30 s)."""


def make_parser() -> argparse.ArgumentParser:
    """Options of `kill-test`."""
    parser = argparse.ArgumentParser(prog="switchboard kill-test", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="kills of each process (default: 5)")
    parser.add_argument("--rate", type=float, default=50, help="messages in per second (default: 50; 0: none)")
    parser.add_argument("--send-rate", type=float, default=20, help="sends per second (default: 20; 0: none)")
    parser.add_argument("--accounts", type=int, default=5, help="linked accounts that send in turn (default: 5)")
    parser.add_argument("--seconds", type=float, default=5, help="load of one round (default: 5)")
    parser.add_argument("--seed", type=int, help="repeats the moments of an earlier run")
    parser.add_argument("--data", metavar="DIR", help="keep all data in this folder, to examine it afterwards")
    parser.add_argument("--target", action="append", choices=TARGETS, help="only this one (may be given again)")
    return parser


def planned_kills(options: argparse.Namespace, seed: int) -> list[Kill]:
    """All kills in order, each at a random moment in the middle four fifths of its load."""
    generator, seconds = random.Random(seed), options.seconds
    return [
        Kill(target, generator.uniform(0.1, 0.9) * seconds, options.rate, options.send_rate, seconds)
        for target in options.target or TARGETS
        for _ in range(options.rounds)
    ]


def print_line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


async def run(options: argparse.Namespace) -> int:
    """The exit status: 0 when no message was lost or duplicated in either direction."""
    seed = secrets.randbelow(2**31) if options.seed is None else options.seed
    rates = f"{options.rate:g} messages/s in, {options.send_rate:g} sends/s out"
    print_line(f"seed {seed}, {rates}, kill -9 at a random moment of every {options.seconds:g} s")
    loads: list[KillLoad] = []
    async with open_test_bed(options.data, options.accounts) as test_bed:
        for kill in planned_kills(options, seed):
            load = await run_load(test_bed, kill)
            loads.append(load)
            print_faults(kill, *await settled_results(test_bed, load))
        await asyncio.sleep(_REDELIVERY_S)
        results = [(load.kill, *await read_results(test_bed, load)) for load in loads]
    return print_report(results, seed, options)


def print_faults(kill: Kill, received: RoundResult, sends: list[SendResult]) -> None:
    """Prints a line for the round, and the messages that were lost or came twice."""
    counts, send_counts = tally(received), tally_sends(sends)
    print_line(
        f"{kill.target} killed after {kill.after:.2f} s: {counts.sent} in, {counts.lost} lost, {counts.duplicated} "
        f"duplicated; {send_counts.sent} out, {send_counts.lost} lost, {send_counts.twice} twice, "
        f"{send_counts.unconfirmed} unconfirmed"
    )
    if suspicious := suspicious_ids(received):
        print_line("  " + " ".join(sorted(suspicious)))
    for line in fault_lines(sends):
        print_line("  " + line)


def print_report(
    results: Iterable[tuple[Kill, RoundResult, list[SendResult]]], seed: int, options: argparse.Namespace
) -> int:
    """Prints the tables of both directions. The exit status."""
    tallies: dict[str, Tally] = {}
    send_tallies: dict[str, SendTally] = {}
    for kill, received, sends in results:
        tallies[kill.target] = tallies.get(kill.target, Tally()) + tally(received)
        send_tallies[kill.target] = send_tallies.get(kill.target, SendTally()) + tally_sends(sends)
    total, send_total = sum(tallies.values(), Tally()), sum(send_tallies.values(), SendTally())
    if options.rate:
        print_line("\n".join(["messages in", TABLE_HEADING, *map(table_row, tallies, tallies.values())]))
        print_line(table_row("all", total))
    if options.send_rate:
        print_line("\n".join(["sends", SEND_HEADING, *map(send_row, send_tallies, send_tallies.values())]))
        print_line(send_row("all", send_total))
        print_line("\n".join(reason_lines(send_total)))
    print_line(
        f"in: {total.lost} lost, {total.duplicated} duplicated; out: {send_total.lost} lost, {send_total.twice} twice, "
        f"{send_total.unconfirmed} unconfirmed; seed {seed}"
    )
    clean = (total.clean or not options.rate) and (send_total.clean or not options.send_rate)
    return 0 if clean and (options.rate or options.send_rate) else 1


@asynccontextmanager
async def open_test_bed(folder_to_keep: str | None, account_count: int) -> AsyncIterator[TestBed]:
    """A stack of its own, in a temporary folder unless it is to be folder_to_keep, with linked accounts."""
    with (
        nullcontext(folder_to_keep)
        if folder_to_keep
        else tempfile.TemporaryDirectory(prefix="switchboard-kill-") as folder
    ):
        async with (
            Stack(Options(data=Path(folder), port=0)) as stack,
            SimulatorClient(stack.ready["simulator"]) as simulator,
            recording_socket(stack.ready) as recorder,
        ):
            accounts = await link_accounts(stack.ready, account_count)
            contacts = [str((await simulator.post("/contacts"))["number"]) for _ in range(_CONTACTS)]
            database: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(stack.ready["mongo"])
            sources = SendSources(
                database["switchboard"],
                stack.ready["nats"],
                stack.ready["organization_id"],
                simulator,
                [number for account in accounts for number in account.contacts],
                recorder.statuses,
            )
            async with database, send_callers(stack.ready, targets(accounts)) as callers:
                yield TestBed(stack, recorder, accounts[0].phone, contacts, callers, sources)


if __name__ == "__main__":
    sys.exit(asyncio.run(run(make_parser().parse_args())))
