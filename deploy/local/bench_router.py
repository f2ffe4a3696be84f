"""`bench router`: messages per second through the router, compared with bulk writes of the same documents."""

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

from deploy.local import process_specs
from deploy.local.latency_report import percentile
from deploy.local.stack import Options, Stack
from shared.contracts.events import MessageReceived, MessageRecorded
from shared.contracts.ids import derived_id, new_id
from shared.contracts.message import utc_now
from shared.contracts.records import Party
from shared.messaging.client import NatsClient, NatsMessage, jetstream
from shared.messaging.publisher import Publisher
from shared.platform.mongo import Database, open_mongo
from shared.platform.settings import Settings

DEFAULT_MESSAGES, DEFAULT_CONTACTS, DEFAULT_RATE_PER_S, DEFAULT_SECONDS = 10_000, 1_000, 20.0, 20.0
COLLECTIONS = ("contacts", "conversations", "messages", "bookings")
_BULK_WRITE_SIZE = 1_000
"""Documents in one bulk write of the comparison."""
_MAX_CONCURRENT_PUBLISHES = 256
_RECORD_TIMEOUT_S = 300.0
"""For all messages."""
_PROCESSES = tuple(process for process in process_specs.PROCESSES if process.name in ("nats", "mongo", "router"))
_INSTANCE = "bench"


@dataclass
class RecordedTimes:
    """perf_counter() of each MessageRecorded, by WhatsApp id; `complete` is set after `expected` of them."""

    expected: int = 0
    by_wa_id: dict[str, float] = field(default_factory=dict)
    complete: asyncio.Event = field(default_factory=asyncio.Event)

    async def on_event(self, message: NatsMessage) -> None:
        now = time.perf_counter()
        record = MessageRecorded.from_nats(message.subject, message.data).message
        self.by_wa_id.setdefault(str(record.wa_id), now)
        if len(self.by_wa_id) >= self.expected:
            self.complete.set()

    async def wait(self) -> None:
        """Raises TimeoutError after _RECORD_TIMEOUT_S seconds."""
        await asyncio.wait_for(self.complete.wait(), _RECORD_TIMEOUT_S)


class RouterBench:
    """A running stack with one connected instance."""

    def __init__(self, stack: Stack, client: NatsClient, database: Database, organization: str) -> None:
        self.stack, self.database, self.organization = stack, database, organization
        self._client, self._publish = client, Publisher(jetstream(client))

    @asynccontextmanager
    async def subscribed(self, expected: int) -> AsyncIterator[RecordedTimes]:
        recorded = RecordedTimes(expected)
        pattern = MessageRecorded.subject_filter(self.organization)
        subscription = await self._client.subscribe(pattern, cb=recorded.on_event)
        await self._client.flush()
        yield recorded
        await subscription.unsubscribe()

    async def receive(self, wa_id: str, contact: int) -> None:
        """Publishes one received message, as the session service does."""
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
async def router_bench(folder: str) -> AsyncIterator[RouterBench]:
    """NATS, MongoDB and the router, each in a process of its own."""
    async with Stack(Options(data=Path(folder), port=0, simulator=False, processes=_PROCESSES)) as stack:
        settings, organization = Settings(mongo_url=stack.ready["mongo"]), new_id()
        client = NatsClient()
        await client.connect(stack.ready["nats"])
        async with open_mongo(settings) as database:
            instance = {"_id": _INSTANCE, "organization_id": organization, "phone_number": "4915100000000"}
            await database.instances.insert_one({**instance, "deleted_at": None})
            await database.connections.insert_one({**instance, "status": "connected"})
            yield RouterBench(stack, client, database, organization)
        await client.close()


async def throughput(bench: RouterBench, count: int, contacts: int, generator: random.Random) -> float:
    """Messages per second; all of them are in the stream before the router starts."""
    await bench.stack.stop("router")
    slots = asyncio.Semaphore(_MAX_CONCURRENT_PUBLISHES)

    async def receive(number: int) -> None:
        async with slots:
            await bench.receive(f"t{number}", generator.randrange(contacts))

    await asyncio.gather(*(receive(number) for number in range(count)))
    async with bench.subscribed(count) as recorded:
        await bench.stack.restart("router")
        await recorded.wait()
    times = sorted(recorded.by_wa_id.values())
    return (len(times) - 1) / (times[-1] - times[0])


async def bulk_write_rate(bench: RouterBench, count: int) -> float:
    """Messages per second when the router's documents are written again by bulk writes only, with the same indexes and
    the same write concern."""
    database = bench.database.client["bench_bulk_writes"]
    documents = {}
    for name in COLLECTIONS:
        documents[name] = await bench.database[name].find().to_list(None)
        indexes = await bench.database[name].list_indexes().to_list(None)
        await database.command("createIndexes", name, indexes=indexes)
    started_at = time.perf_counter()
    for name, items in documents.items():
        for start in range(0, len(items), _BULK_WRITE_SIZE):
            await database[name].insert_many(items[start : start + _BULK_WRITE_SIZE], ordered=False)
    return count / (time.perf_counter() - started_at)


async def latency(bench: RouterBench, rate: float, seconds: float, contacts: int) -> list[float]:
    """Milliseconds from publishing MessageReceived to MessageRecorded, at a steady rate."""
    loop, count = asyncio.get_running_loop(), round(rate * seconds)
    sent: dict[str, float] = {}
    async with bench.subscribed(count) as recorded, asyncio.TaskGroup() as group:
        started_at = loop.time()
        for number in range(count):
            await asyncio.sleep(max(0.0, started_at + number / rate - loop.time()))
            sent[f"l{number}"] = time.perf_counter()
            group.create_task(bench.receive(f"l{number}", number % contacts))
        await recorded.wait()
    return [1000 * (recorded.by_wa_id[wa_id] - at) for wa_id, at in sent.items()]


async def run(args: argparse.Namespace) -> int:
    """Prints the figures; 0 when every message was recorded."""
    with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder:
        async with router_bench(folder) as bench:
            router_rate = await throughput(bench, args.messages, args.contacts, random.Random(args.seed))
            bulk_rate = await bulk_write_rate(bench, args.messages)
            delays_ms = await latency(bench, args.rate, args.seconds, args.contacts)
    write = sys.stdout.write
    write(f"{args.messages} messages of {args.contacts} contacts, seed {args.seed}\n")
    write(f"  through the router: {router_rate:.0f} messages/s\n")
    write(f"  the same documents by bulk writes only: {bulk_rate:.0f} messages/s")
    write(f"; the router reaches {router_rate / bulk_rate:.0%}\n")
    write(f"at {args.rate:g} messages/s for {args.seconds:g} s, from received to recorded\n")
    median, p99, longest = statistics.median(delays_ms), percentile(delays_ms, 99), max(delays_ms)
    write(f"  median {median:.1f} ms, p99 {p99:.1f} ms, max {longest:.1f} ms\n")
    return 0


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="switchboard bench router", description=__doc__)
    parser.add_argument("--messages", type=int, default=DEFAULT_MESSAGES, help="messages for the throughput")
    parser.add_argument("--contacts", type=int, default=DEFAULT_CONTACTS, help="contacts who write them")
    parser.add_argument("--rate", type=float, default=DEFAULT_RATE_PER_S, help="messages a second for the latency")
    parser.add_argument("--seconds", type=float, default=DEFAULT_SECONDS, help="duration of the latency measurement")
    parser.add_argument("--seed", type=int, default=1, help="of the random choice of contacts")
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
