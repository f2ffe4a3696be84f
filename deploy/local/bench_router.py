"""`bench router`: messages through all rules into MongoDB, next to the same documents written by bare bulk writes."""

import argparse
import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nats.aio.client import Client
from nats.aio.msg import Msg

from deploy.local import process_specs
from deploy.local.latency_report import percentile
from deploy.local.stack import Options, Stack
from shared.contracts.events import MessageReceived, MessageRecorded
from shared.contracts.ids import derived_id, new_id
from shared.contracts.message import utc_now
from shared.contracts.records import Party
from shared.messaging.consumer import Publisher, jetstream
from shared.platform.mongo import Database, open_mongo
from shared.platform.settings import Settings

MESSAGES, CONTACTS, RATE, SECONDS = 10_000, 1_000, 20.0, 20.0
COLLECTIONS = ("contacts", "conversations", "messages", "bookings")
_BATCH = 1_000
"""Documents in one bare bulk write."""
_AT_ONCE = 256
_LIMIT = 300.0
"""Seconds for all messages."""
_PROCESSES = tuple(process for process in process_specs.PROCESSES if process.name in ("nats", "mongo", "router"))
_INSTANCE = "bench"


@dataclass
class Listener:
    """When each message was told to be recorded, by its WhatsApp id; `complete` when `expected` were."""

    expected: int = 0
    told: dict[str, float] = field(default_factory=dict)
    complete: asyncio.Event = field(default_factory=asyncio.Event)

    async def hear(self, message: Msg) -> None:
        now = time.perf_counter()
        record = MessageRecorded.from_nats(message.subject, message.data).message
        self.told.setdefault(str(record.wa_id), now)
        if len(self.told) >= self.expected:
            self.complete.set()

    async def wait(self) -> None:
        """Raises TimeoutError after _LIMIT seconds."""
        await asyncio.wait_for(self.complete.wait(), _LIMIT)


class Bench:
    """A running stack with one connected account."""

    def __init__(self, stack: Stack, client: Client, database: Database, organization: str) -> None:
        self.stack, self.database, self.organization = stack, database, organization
        self._client, self._publish = client, Publisher(jetstream(client))

    @asynccontextmanager
    async def listening(self, expected: int) -> AsyncIterator[Listener]:
        listener = Listener(expected)
        pattern = MessageRecorded.subject_filter(self.organization)
        subscription = await self._client.subscribe(pattern, cb=listener.hear)
        await self._client.flush()
        yield listener
        await subscription.unsubscribe()

    async def receive(self, wa_id: str, contact: int) -> None:
        """As the session service publishes what a contact wrote."""
        party = Party(phone=f"4915{contact:09d}", lid=f"9{contact:013d}")
        await self._publish(
            MessageReceived(
                id=derived_id(_INSTANCE, "message", wa_id),
                organization_id=self.organization,
                instance_id=_INSTANCE,
                wa_id=wa_id,
                sender=party,
                chat=party,
                push_name=f"Contact {contact}",
                timestamp=utc_now(),
                text=f"message {wa_id}: a table for four on Friday evening, please",
            )
        )


@asynccontextmanager
async def opened(folder: str) -> AsyncIterator[Bench]:
    """NATS, MongoDB and the router, each a process of its own."""
    async with Stack(Options(data=Path(folder), port=0, simulator=False, processes=_PROCESSES)) as stack:
        settings, organization = Settings(mongo_url=stack.ready["mongo"]), new_id()
        client = Client()
        await client.connect(stack.ready["nats"])
        async with open_mongo(settings) as database:
            account = {"_id": _INSTANCE, "organization_id": organization, "phone_number": "4915100000000"}
            await database.instances.insert_one({**account, "deleted_at": None})
            await database.connections.insert_one({**account, "status": "connected"})
            yield Bench(stack, client, database, organization)
        await client.close()


async def throughput(bench: Bench, count: int, contacts: int, dice: random.Random) -> float:
    """Messages a second: all of them wait in the stream when the router starts."""
    await bench.stack.stop("router")
    gate = asyncio.Semaphore(_AT_ONCE)

    async def receive(number: int) -> None:
        async with gate:
            await bench.receive(f"t{number}", dice.randrange(contacts))

    await asyncio.gather(*(receive(number) for number in range(count)))
    async with bench.listening(count) as listener:
        await bench.stack.restart("router")
        await listener.wait()
    times = sorted(listener.told.values())
    return (len(times) - 1) / (times[-1] - times[0])


async def bare(bench: Bench, count: int) -> float:
    """Messages a second when the documents the router made are written again, with its indexes and its write concern,
    by nothing but bulk writes."""
    database = bench.database.client["bare"]
    documents = {}
    for name in COLLECTIONS:
        documents[name] = await bench.database[name].find().to_list(None)
        indexes = await bench.database[name].list_indexes().to_list(None)
        await database.command("createIndexes", name, indexes=indexes)
    begun = time.perf_counter()
    for name, items in documents.items():
        for start in range(0, len(items), _BATCH):
            await database[name].insert_many(items[start : start + _BATCH], ordered=False)
    return count / (time.perf_counter() - begun)


async def latency(bench: Bench, rate: float, seconds: float, contacts: int) -> list[float]:
    """Milliseconds from publishing a received message to the event that it is recorded, at a steady rate."""
    loop, count = asyncio.get_running_loop(), round(rate * seconds)
    sent: dict[str, float] = {}
    async with bench.listening(count) as listener, asyncio.TaskGroup() as group:
        begun = loop.time()
        for number in range(count):
            await asyncio.sleep(max(0.0, begun + number / rate - loop.time()))
            sent[f"l{number}"] = time.perf_counter()
            group.create_task(bench.receive(f"l{number}", number % contacts))
        await listener.wait()
    return [1000 * (listener.told[wa_id] - at) for wa_id, at in sent.items()]


async def run(args: argparse.Namespace) -> int:
    """Prints the figures; 0 when every message was recorded."""
    with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder:
        async with opened(folder) as bench:
            rules = await throughput(bench, args.messages, args.contacts, random.Random(args.seed))
            bulk = await bare(bench, args.messages)
            took = await latency(bench, args.rate, args.seconds, args.contacts)
    say = sys.stdout.write
    say(f"{args.messages} messages of {args.contacts} contacts, seed {args.seed}\n")
    say(f"  through the router: {rules:.0f} messages/s\n")
    say(f"  the same documents by bare bulk writes: {bulk:.0f} messages/s; the router reaches {rules / bulk:.0%}\n")
    say(f"at {args.rate:g} messages/s for {args.seconds:g} s, from received to recorded\n")
    say(f"  median {statistics.median(took):.1f} ms, p99 {percentile(took, 99):.1f} ms, max {max(took):.1f} ms\n")
    return 0


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="switchboard bench router", description=__doc__)
    parser.add_argument("--messages", type=int, default=MESSAGES, help="how many go through the router at full speed")
    parser.add_argument("--contacts", type=int, default=CONTACTS, help="how many people write them")
    parser.add_argument("--rate", type=float, default=RATE, help="messages a second for the latency")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long")
    parser.add_argument("--seed", type=int, default=1, help="who writes what")
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
