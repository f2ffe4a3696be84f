"""`bench console`: the time from a key press to its frame, with many conversations and a steady rate of messages."""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import socketio

from deploy.local.bench_latency import EventRecorder, link
from deploy.local.console_typing import TABLE_HEADING, TypingSample, open_console, open_conversation, type_words
from deploy.local.latency_report import percentile
from deploy.local.stack import Options, Stack
from shared.contracts.events import MessageReceived
from shared.contracts.ids import derived_id
from shared.contracts.message import utc_now
from shared.contracts.records import Party
from shared.messaging.client import NatsClient, jetstream
from shared.messaging.publisher import Publisher
from shared.platform.mongo import Database, open_mongo
from shared.platform.settings import Settings
from simulator.client import SimulatorClient

DEFAULT_CONVERSATIONS, DEFAULT_RATE_PER_S, DEFAULT_KEY_PRESSES, MAX_WRITERS = 5_000, 10.0, 200, 200
MAX_P95_MS = 100.0
"""Bound of the p95 of every field."""
_FIRST_NUMBER = 4917000000000
_MAX_CONCURRENT_PUBLISHES = 64
_FILL_TIMEOUT_S = 300.0
_LOAD_S = 3600
FIELD_SELECTORS = {"search field": ".conversations-pane input[type=search]", "composer": ".composer textarea"}
FIRST_NAMES = ("Anna", "Émile", "João", "Müller", "Person", "Şahin", "Zoë")


def number_of(person: int) -> str:
    return str(_FIRST_NUMBER + person)


async def store_conversations(ready: dict[str, Any], database: Database, count: int) -> None:
    """Publishes one received message of each of `count` contacts, as the session service does. Raises TimeoutError."""
    instance = await database.instances.find_one({"organization_id": ready["organization_id"]})
    assert instance
    client, slots = NatsClient(), asyncio.Semaphore(_MAX_CONCURRENT_PUBLISHES)
    await client.connect(ready["nats"])
    publish = Publisher(jetstream(client))

    async def receive(person: int) -> None:
        party = Party(phone=number_of(person))
        async with slots:
            await publish(
                MessageReceived(
                    id=derived_id(instance["_id"], "message", f"store_conversations{person}"),
                    organization_id=ready["organization_id"],
                    instance_id=instance["_id"],
                    wa_id=f"store_conversations{person}",
                    sender=party,
                    chat=party,
                    push_name=f"{FIRST_NAMES[person % len(FIRST_NAMES)]} {person}",
                    timestamp=utc_now(),
                    text=f"message {person}: a table for four on Friday evening, please",
                )
            )

    await asyncio.gather(*(receive(person) for person in range(count)))
    await asyncio.wait_for(_wait_for_conversations(database, count), _FILL_TIMEOUT_S)
    await client.close()


async def _wait_for_conversations(database: Database, count: int) -> None:
    while True:
        if await database.conversations.count_documents({}) >= count:
            return
        await asyncio.sleep(0.5)


async def link_phone(ready: dict[str, Any], simulator: SimulatorClient) -> str:
    """Links a new simulated phone. → its number. Raises TimeoutError when it is not connected in time."""
    recorder, client = EventRecorder(), socketio.AsyncClient()
    client.on("*", recorder.record)
    await client.connect(ready["realtime"], auth={"token": ready["token"]}, transports=["websocket"])
    phone = str((await simulator.post("/phones"))["number"])
    await link(ready, simulator, recorder, phone)
    await client.disconnect()
    return phone


async def start_load(simulator: SimulatorClient, phone: str, conversations: int, rate: float) -> None:
    """Starts a load in which some of the contacts write at a steady rate until the stack stops."""
    step = max(1, conversations // MAX_WRITERS)
    writers = [number_of(person) for person in range(0, conversations, step)]
    for number in writers:
        await simulator.post("/contacts", number=number, name=f"Writer {number[-4:]}")
    await simulator.post("/start_load", to=phone, contacts=writers, rate=rate, seconds=_LOAD_S)


async def measure(ready: dict[str, Any], keys: int, picture: str | None) -> tuple[float, list[TypingSample]]:
    """Milliseconds to the first list, and the samples of each field."""
    async with open_console(ready) as page:
        first = await open_conversation(page, ready["api"])
        samples = [await type_words(page, name, selector, keys) for name, selector in FIELD_SELECTORS.items()]
        if picture:
            await page.screenshot(path=picture)
    return first, samples


def report(args: argparse.Namespace, first: float, samples: list[TypingSample]) -> list[str]:
    """What is printed."""
    title = f"{args.conversations} conversations, {args.rate:g} messages/s, {args.keys} keys into each field"
    return [title, f"  the list is shown after {first:.0f} ms", TABLE_HEADING, *(typing.line() for typing in samples)]


def within_bound(samples: list[TypingSample]) -> bool:
    return all(typing.keys and percentile(typing.keys, 95) <= MAX_P95_MS for typing in samples)


async def run(args: argparse.Namespace) -> int:
    """A stack of its own in a temporary folder; 0 when the p95 of every field is within the bound."""
    with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder:
        async with (
            Stack(Options(data=Path(folder), port=0)) as stack,
            SimulatorClient(stack.ready["simulator"]) as simulator,
            open_mongo(Settings(mongo_url=stack.ready["mongo"])) as database,
        ):
            phone = await link_phone(stack.ready, simulator)
            begun = time.monotonic()
            await store_conversations(stack.ready, database, args.conversations)
            sys.stderr.write(f"filled in {time.monotonic() - begun:.0f} s\n")
            await start_load(simulator, phone, args.conversations, args.rate)
            first, samples = await measure(stack.ready, args.keys, args.picture)
    sys.stdout.write("\n".join(report(args, first, samples)) + "\n")
    return 0 if within_bound(samples) else 1


def make_parser() -> argparse.ArgumentParser:
    """Options of `bench console`."""
    parser = argparse.ArgumentParser(prog="switchboard bench console", description=__doc__)
    parser.add_argument(
        "--conversations", type=int, default=DEFAULT_CONVERSATIONS, help="how many there are (default: 5000)"
    )
    parser.add_argument(
        "--rate", type=float, default=DEFAULT_RATE_PER_S, help="messages per second meanwhile (default: 10)"
    )
    parser.add_argument(
        "--keys", type=int, default=DEFAULT_KEY_PRESSES, help="key presses in each field (default: 200)"
    )
    parser.add_argument("--picture", metavar="FILE", help="a screenshot of the page at the end")
    return parser


if __name__ == "__main__":
    sys.exit(asyncio.run(run(make_parser().parse_args())))
