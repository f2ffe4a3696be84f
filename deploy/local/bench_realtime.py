"""`bench realtime`: delays and cost (memory, processor) of many sockets in rooms with a steady rate of events."""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import aiohttp

from deploy.local import process_specs
from deploy.local.data_folder import DataFolder
from deploy.local.latency_report import percentile
from deploy.local.stack import Options, Stack
from shared.contracts.access_tokens import issue_token
from shared.contracts.events import MessageStatusChanged
from shared.contracts.ids import new_id
from shared.contracts.principal import Principal
from shared.contracts.records import MessageStatus
from shared.messaging.client import NatsClient, jetstream
from shared.messaging.publisher import Publisher
from shared.platform.token_keys import SigningKey

DEFAULT_SOCKETS, DEFAULT_ROOM_SIZE, DEFAULT_RATE_PER_S, DEFAULT_SECONDS = 2_000, 20, 100.0, 20.0
_MAX_CONCURRENT_CONNECTS, _DELIVERY_TIMEOUT_S = 50, 5.0
"""Sockets that connect at the same time; seconds within which the last event must arrive."""
_PROCESSES = tuple(process for process in process_specs.PROCESSES if process.name in ("nats", "realtime"))
_UNREACHABLE_MONGO_URL = "mongodb://127.0.0.1:1/"
"""None of these processes uses a database."""
_TOKEN_LIFETIME = timedelta(hours=1)


@dataclass(frozen=True)
class ProcessUsage:
    """Of one process: resident memory in bytes, processor time so far in seconds."""

    memory: int
    processor: float


def process_usage(pid: int) -> ProcessUsage:
    """Read from /proc."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    ticks = int(fields[11]) + int(fields[12])
    return ProcessUsage(int(fields[21]) * os.sysconf("SC_PAGE_SIZE"), ticks / os.sysconf("SC_CLK_TCK"))


@dataclass
class RoomSockets:
    """Sockets in rooms by organization id, and the delay of each delivery in milliseconds."""

    url: str
    key: SigningKey
    expected: int
    """Number of deliveries: events times sockets of their room."""
    delays_ms: list[float] = field(default_factory=list)
    complete: asyncio.Event = field(default_factory=asyncio.Event)

    async def join(self, http: aiohttp.ClientSession, organization_id: str) -> asyncio.Task[None]:
        """Connects one socket and joins the room. → the task that reads it"""
        principal = Principal(organization_id=organization_id, subject="bench")
        socket = await http.ws_connect(f"{self.url}/socket.io/?EIO=4&transport=websocket")
        await socket.receive_str()
        await socket.send_str("40" + json.dumps({"token": issue_token(principal, self.key, _TOKEN_LIFETIME)}))
        answer = await socket.receive_str()
        if not answer.startswith("40"):
            raise ConnectionRefusedError(answer)
        await socket.send_str("421" + json.dumps(["join-organization", organization_id]))
        await socket.receive_str()
        return asyncio.create_task(self._listen(socket))

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
            if message.data == "2":
                await socket.send_str("3")
            elif message.data.startswith("42"):
                arrived = time.time()
                name, payload = json.loads(message.data[2:])
                if name == "message_status":
                    self.delays_ms.append(1000 * (arrived - float(payload["clientId"])))
                if len(self.delays_ms) == self.expected:
                    self.complete.set()


@asynccontextmanager
async def connected_sockets(sockets: RoomSockets, rooms: list[str], count: int) -> AsyncIterator[None]:
    """Connects `count` sockets, spread over the rooms."""
    slots, tasks = asyncio.Semaphore(_MAX_CONCURRENT_CONNECTS), list[asyncio.Task[None]]()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:

        async def join(organization_id: str) -> None:
            async with slots:
                tasks.append(await sockets.join(http, organization_id))

        await asyncio.gather(*(join(rooms[number % len(rooms)]) for number in range(count)))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def publish_steadily(nats_url: str, rooms: list[str], rate: float, count: int) -> None:
    """Publishes `count` events at `rate` per second to the rooms in turn; all are stored when this returns."""
    client = NatsClient()
    await client.connect(nats_url)
    publish, loop = Publisher(jetstream(client)), asyncio.get_running_loop()
    started_at = loop.time()
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            await asyncio.sleep(max(0.0, started_at + number / rate - loop.time()))
            event = MessageStatusChanged(
                organization_id=rooms[number % len(rooms)],
                message_id=new_id(),
                status=MessageStatus.DELIVERED,
                client_id=f"{time.time():.6f}",
            )
            group.create_task(publish(event))
    await client.close()


@dataclass(frozen=True)
class SocketCost:
    """Bytes per socket, and the share of one processor while events were published."""

    memory: float
    processor: float


async def measure(stack: Stack, sockets: RoomSockets, rooms: list[str], args: argparse.Namespace) -> SocketCost:
    """Connects the sockets, publishes the events, waits for the last delivery."""
    pid = stack.pid("realtime")
    empty = process_usage(pid)
    async with connected_sockets(sockets, rooms, args.sockets):
        full, started_at = process_usage(pid), time.monotonic()
        await publish_steadily(stack.ready["nats"], rooms, args.rate, round(args.rate * args.seconds))
        busy, wall = process_usage(pid), time.monotonic() - started_at
        with suppress(TimeoutError):
            await asyncio.wait_for(sockets.complete.wait(), _DELIVERY_TIMEOUT_S)
    return SocketCost((full.memory - empty.memory) / args.sockets, (busy.processor - full.processor) / wall)


async def run(args: argparse.Namespace) -> int:
    """Prints the figures; 0 when every event reached every socket of its room."""
    rooms = [new_id() for _ in range(max(1, args.sockets // args.room))]
    expected = sum(_room_size(number, rooms, args.sockets) for number in range(round(args.rate * args.seconds)))
    with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder:
        data = Path(folder)
        async with Stack(
            Options(data=data, port=0, simulator=False, mongo_url=_UNREACHABLE_MONGO_URL, processes=_PROCESSES)
        ) as stack:
            url = process_specs.url(stack.port + _PROCESSES[-1].port_offset)
            sockets = RoomSockets(url, SigningKey.parse(DataFolder(data).secrets().token_private_key), expected)
            cost = await measure(stack, sockets, rooms, args)
    sys.stdout.write("\n".join(lines(args, len(rooms), sockets, cost)) + "\n")
    return 0 if len(sockets.delays_ms) == expected else 1


def lines(args: argparse.Namespace, rooms: int, sockets: RoomSockets, cost: SocketCost) -> list[str]:
    """What is printed."""
    lines = [f"{args.sockets} sockets in {rooms} rooms, {args.rate:g} events/s for {args.seconds:g} s"]
    lines.append(f"  {len(sockets.delays_ms)} of {sockets.expected} deliveries")
    if sockets.delays_ms:
        half, most, longest = (
            percentile(sockets.delays_ms, 50),
            percentile(sockets.delays_ms, 99),
            max(sockets.delays_ms),
        )
        lines.append(f"  from publishing to the client: p50 {half:.1f} ms, p99 {most:.1f} ms, max {longest:.1f} ms")
    lines.append(f"  memory per socket {cost.memory / 1024:.1f} KiB, {100 * cost.processor:.0f} % of a processor")
    return lines


def _room_size(number: int, rooms: list[str], sockets: int) -> int:
    """Number of sockets in the room of this event."""
    return len(range(number % len(rooms), sockets, len(rooms)))


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="switchboard bench realtime", description=__doc__)
    parser.add_argument("--sockets", type=int, default=DEFAULT_SOCKETS, help="how many are connected")
    parser.add_argument("--room", type=int, default=DEFAULT_ROOM_SIZE, help="sockets in a room")
    parser.add_argument("--rate", type=float, default=DEFAULT_RATE_PER_S, help="events a second, over all rooms")
    parser.add_argument("--seconds", type=float, default=DEFAULT_SECONDS, help="how long")
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
