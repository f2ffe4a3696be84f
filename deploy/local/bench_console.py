"""`bench console`: key presses, opening of threads and the first conversation on a slow phone, while there are many
conversations, a long thread and a steady rate of messages."""

import argparse
import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import socketio

from deploy.local.bench_latency import EventRecorder, link
from deploy.local.console_opening import PHONE_SLOWDOWN, first_conversation_on_a_phone, thread_opening_times
from deploy.local.console_typing import TABLE_HEADING, TypingSample, open_console, open_conversation, type_words
from deploy.local.latency_report import percentile
from deploy.local.login_page_size import login_page_bytes
from deploy.local.stack import Options, Stack
from shared.contracts.events import MessageReceived
from shared.contracts.ids import derived_id
from shared.contracts.message import utc_now
from shared.contracts.records import Party
from shared.messaging.client import NatsClient, jetstream
from shared.messaging.publisher import Publisher
from shared.platform.mongo import Collection, Database, MongoQuery, open_mongo
from shared.platform.settings import Settings
from simulator.client import SimulatorClient

DEFAULT_CONVERSATIONS, DEFAULT_RATE_PER_S, DEFAULT_KEY_PRESSES, MAX_WRITERS = 10_000, 20.0, 200, 200
DEFAULT_MESSAGES, DEFAULT_THREADS, PHONE_RUNS = 10_000, 30, 3
MAX_KEY_P95_MS, MAX_THREAD_P95_MS, MAX_PHONE_MS, MAX_LOGIN_PAGE_BYTES = 50.0, 150.0, 2_500.0, 80_000
"""The budget: p95 of every field, p95 of opening a thread, first conversation on a phone (median)."""
_FIRST_NUMBER = 4917000000000
THREAD_NUMBER = "4916000000000"
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
    await asyncio.wait_for(_wait_for(database.conversations, {}, count), _FILL_TIMEOUT_S)
    await client.close()


async def _wait_for(collection: Collection, query: MongoQuery, count: int) -> None:
    while True:
        if await collection.count_documents(query) >= count:
            return
        await asyncio.sleep(0.5)


async def store_thread(ready: dict[str, Any], database: Database, count: int) -> str:
    """Publishes `count` received messages of one contact. → id of the conversation. Raises TimeoutError."""
    instance = await database.instances.find_one({"organization_id": ready["organization_id"]})
    assert instance
    client, slots, party = NatsClient(), asyncio.Semaphore(_MAX_CONCURRENT_PUBLISHES), Party(phone=THREAD_NUMBER)
    await client.connect(ready["nats"])
    publish = Publisher(jetstream(client))

    async def receive(number: int) -> None:
        async with slots:
            await publish(
                MessageReceived(
                    id=derived_id(instance["_id"], "message", f"thread{number}"),
                    organization_id=ready["organization_id"],
                    instance_id=instance["_id"],
                    wa_id=f"thread{number}",
                    sender=party,
                    chat=party,
                    push_name="Long thread",
                    timestamp=utc_now(),
                    text=f"line {number}: " + "a few more words of a usual length " * (1 + number % 4),
                )
            )

    await asyncio.gather(*(receive(number) for number in range(count)))
    await asyncio.wait_for(_wait_for(database.messages, {"wa_id": {"$regex": "^thread"}}, count), _FILL_TIMEOUT_S)
    await client.close()
    contact = await database.contacts.find_one({"phone_number": THREAD_NUMBER})
    conversation = await database.conversations.find_one({"contact_id": contact["_id"]}) if contact else None
    assert conversation
    return str(conversation["_id"])


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
    await simulator.post("/load", to=phone, contacts=writers, rate=rate, seconds=_LOAD_S)


@dataclass(frozen=True)
class ConsoleFigures:
    """Milliseconds to the first list; of opening each thread; to the first conversation in each run on the phone."""

    list_ms: float
    typing: list[TypingSample]
    thread_ms: list[float]
    phone_ms: list[float]
    login_page_bytes: int


async def measure(ready: dict[str, Any], args: argparse.Namespace, conversation_id: str) -> ConsoleFigures:
    async with open_console(ready) as page:
        first = await open_conversation(page, ready["api"], conversation_id)
        samples = [await type_words(page, name, selector, args.keys) for name, selector in FIELD_SELECTORS.items()]
        threads = await thread_opening_times(page, args.threads)
        if args.picture:
            await page.screenshot(path=args.picture)
    phone = [await first_conversation_on_a_phone(ready, conversation_id) for _ in range(PHONE_RUNS)]
    return ConsoleFigures(first, samples, threads, phone, await login_page_bytes(ready["api"]))


def report(args: argparse.Namespace, figures: ConsoleFigures) -> list[str]:
    """What is printed."""
    title = (
        f"{args.conversations} conversations, a thread of {args.messages} messages, {args.rate:g} messages/s, "
        f"{args.keys} keys into each field"
    )
    threads, phone = figures.thread_ms, figures.phone_ms
    return [
        title,
        f"  the list is shown after {figures.list_ms:.0f} ms",
        TABLE_HEADING,
        *(typing.line() for typing in figures.typing),
        f"  {len(threads)} threads opened: p50 {percentile(threads, 50):.0f} ms, p95 {percentile(threads, 95):.0f} ms "
        f"(budget {MAX_THREAD_P95_MS:.0f})",
        f"  first conversation on a phone (4G, processor / {PHONE_SLOWDOWN}): {sorted(round(ms) for ms in phone)} ms "
        f"(budget {MAX_PHONE_MS:.0f})",
        f"  login page: {figures.login_page_bytes} bytes compressed (budget {MAX_LOGIN_PAGE_BYTES})",
    ]


def within_budget(figures: ConsoleFigures) -> bool:
    return (
        all(typing.keys and percentile(typing.keys, 95) <= MAX_KEY_P95_MS for typing in figures.typing)
        and percentile(figures.thread_ms, 95) <= MAX_THREAD_P95_MS
        and median(figures.phone_ms) <= MAX_PHONE_MS
        and figures.login_page_bytes <= MAX_LOGIN_PAGE_BYTES
    )


async def run(args: argparse.Namespace) -> int:
    """A stack of its own in a temporary folder; 0 when everything is within the budget."""
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
            conversation_id = await store_thread(stack.ready, database, args.messages)
            await start_load(simulator, phone, args.conversations, args.rate)
            figures = await measure(stack.ready, args, conversation_id)
    sys.stdout.write("\n".join(report(args, figures)) + "\n")
    return 0 if within_budget(figures) else 1


def make_parser() -> argparse.ArgumentParser:
    """Options of `bench console`."""
    parser = argparse.ArgumentParser(prog="switchboard bench console", description=__doc__)
    parser.add_argument(
        "--conversations", type=int, default=DEFAULT_CONVERSATIONS, help="how many there are (default: 10000)"
    )
    parser.add_argument(
        "--rate", type=float, default=DEFAULT_RATE_PER_S, help="messages per second meanwhile (default: 20)"
    )
    parser.add_argument(
        "--keys", type=int, default=DEFAULT_KEY_PRESSES, help="key presses in each field (default: 200)"
    )
    parser.add_argument(
        "--messages", type=int, default=DEFAULT_MESSAGES, help="messages in the open thread (default: 10000)"
    )
    parser.add_argument("--threads", type=int, default=DEFAULT_THREADS, help="threads opened (default: 30)")
    parser.add_argument("--picture", metavar="FILE", help="a screenshot of the page at the end")
    return parser


if __name__ == "__main__":
    sys.exit(asyncio.run(run(make_parser().parse_args())))
