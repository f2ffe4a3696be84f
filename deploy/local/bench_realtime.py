"""`bench realtime`: many sockets in rooms, events at a steady rate, and what both cost the realtime service."""

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
from nats.aio.client import Client

from deploy.local import process_specs
from deploy.local.data_folder import DataFolder
from deploy.local.latency_report import percentile
from deploy.local.stack import Options, Stack
from shared.contracts.events import MessageStatusChanged
from shared.contracts.ids import new_id
from shared.contracts.principal import Principal, issue_token
from shared.contracts.records import MessageStatus
from shared.messaging.consumer import Publisher, jetstream
from shared.platform.token_keys import SigningKey

SOCKETS, ROOM, RATE, SECONDS = 2_000, 20, 100.0, 20.0
_AT_ONCE, _SILENCE = 50, 5.0
"""Sockets that connect at the same time; seconds after the last event in which it must have arrived."""
_PROCESSES = tuple(process for process in process_specs.PROCESSES if process.name in ("nats", "realtime"))
_NOBODY = "mongodb://127.0.0.1:1/"
"""None of these processes asks a database."""
_LIFETIME = timedelta(hours=1)


@dataclass(frozen=True)
class Used:
    """Of a process so far: resident memory in bytes, processor time in seconds."""

    memory: int
    processor: float


def used(pid: int) -> Used:
    """Read from /proc."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    ticks = int(fields[11]) + int(fields[12])
    return Used(int(fields[21]) * os.sysconf("SC_PAGE_SIZE"), ticks / os.sysconf("SC_CLK_TCK"))


@dataclass
class Crowd:
    """Sockets in rooms, by organization id, and how long each event took to each of them, in milliseconds."""

    url: str
    key: SigningKey
    expected: int
    """How many deliveries there will be."""
    took: list[float] = field(default_factory=list)
    complete: asyncio.Event = field(default_factory=asyncio.Event)

    async def join(self, http: aiohttp.ClientSession, organization_id: str) -> asyncio.Task[None]:
        """One more socket; the task ends with it."""
        principal = Principal(organization_id=organization_id, subject="bench")
        socket = await http.ws_connect(f"{self.url}/socket.io/?EIO=4&transport=websocket")
        await socket.receive_str()
        await socket.send_str("40" + json.dumps({"token": issue_token(principal, self.key, _LIFETIME)}))
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
                    self.took.append(1000 * (arrived - float(payload["clientId"])))
                if len(self.took) == self.expected:
                    self.complete.set()


@asynccontextmanager
async def joined(crowd: Crowd, rooms: list[str], sockets: int) -> AsyncIterator[None]:
    """So many sockets, spread over the rooms."""
    gate, listening = asyncio.Semaphore(_AT_ONCE), list[asyncio.Task[None]]()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:

        async def join(organization_id: str) -> None:
            async with gate:
                listening.append(await crowd.join(http, organization_id))

        await asyncio.gather(*(join(rooms[number % len(rooms)]) for number in range(sockets)))
        try:
            yield
        finally:
            for task in listening:
                task.cancel()
            await asyncio.gather(*listening, return_exceptions=True)


async def publish_steadily(nats_url: str, rooms: list[str], rate: float, count: int) -> None:
    """`count` events, `rate` a second, to one room after the other; all are stored when this returns."""
    client = Client()
    await client.connect(nats_url)
    publish, loop = Publisher(jetstream(client)), asyncio.get_running_loop()
    begun = loop.time()
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            await asyncio.sleep(max(0.0, begun + number / rate - loop.time()))
            event = MessageStatusChanged(
                organization_id=rooms[number % len(rooms)],
                message_id=new_id(),
                status=MessageStatus.DELIVERED,
                client_id=f"{time.time():.6f}",
            )
            group.create_task(publish(event))
    await client.close()


@dataclass(frozen=True)
class Cost:
    """Bytes for each socket, and the share of one processor while events came."""

    memory: float
    processor: float


async def measure(stack: Stack, crowd: Crowd, rooms: list[str], args: argparse.Namespace) -> Cost:
    """Connects the sockets, publishes the events, waits for the last delivery."""
    pid = stack.pid("realtime")
    empty = used(pid)
    async with joined(crowd, rooms, args.sockets):
        full, begun = used(pid), time.monotonic()
        await publish_steadily(stack.ready["nats"], rooms, args.rate, round(args.rate * args.seconds))
        busy, wall = used(pid), time.monotonic() - begun
        with suppress(TimeoutError):
            await asyncio.wait_for(crowd.complete.wait(), _SILENCE)
    return Cost((full.memory - empty.memory) / args.sockets, (busy.processor - full.processor) / wall)


async def run(args: argparse.Namespace) -> int:
    """Prints the figures; 0 when every event reached every socket of its room."""
    rooms = [new_id() for _ in range(max(1, args.sockets // args.room))]
    expected = sum(_size(number, rooms, args.sockets) for number in range(round(args.rate * args.seconds)))
    with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder:
        data = Path(folder)
        async with Stack(Options(data=data, port=0, simulator=False, mongo_url=_NOBODY, processes=_PROCESSES)) as stack:
            url = process_specs.url(stack.port + _PROCESSES[-1].port)
            crowd = Crowd(url, SigningKey.parse(DataFolder(data).secrets().token_private_key), expected)
            cost = await measure(stack, crowd, rooms, args)
    sys.stdout.write("\n".join(lines(args, len(rooms), crowd, cost)) + "\n")
    return 0 if len(crowd.took) == expected else 1


def lines(args: argparse.Namespace, rooms: int, crowd: Crowd, cost: Cost) -> list[str]:
    """What is printed."""
    found = [f"{args.sockets} sockets in {rooms} rooms, {args.rate:g} events/s for {args.seconds:g} s"]
    found.append(f"  {len(crowd.took)} of {crowd.expected} deliveries")
    if crowd.took:
        half, most, longest = percentile(crowd.took, 50), percentile(crowd.took, 99), max(crowd.took)
        found.append(f"  from publishing to the client: p50 {half:.1f} ms, p99 {most:.1f} ms, max {longest:.1f} ms")
    found.append(f"  memory per socket {cost.memory / 1024:.1f} KiB, {100 * cost.processor:.0f} % of a processor")
    return found


def _size(number: int, rooms: list[str], sockets: int) -> int:
    """How many sockets the room of this event has."""
    return len(range(number % len(rooms), sockets, len(rooms)))


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="switchboard bench realtime", description=__doc__)
    parser.add_argument("--sockets", type=int, default=SOCKETS, help="how many are connected")
    parser.add_argument("--room", type=int, default=ROOM, help="sockets in a room")
    parser.add_argument("--rate", type=float, default=RATE, help="events a second, over all rooms")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long")
    return asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
