"""`bench latency`: the time from a simulated contact to a Socket.IO client behind the front server, by stage."""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import socketio

from deploy.local.latency_report import MessageTimes, report_lines
from deploy.local.stack import Options, Stack
from deploy.local.stream_times import StreamTimes, read_stream_times
from simulator.client import SimulatorClient, scan

RATES, SECONDS, CONTACTS = (10.0, 100.0), 20.0, 10
_LINK_TIMEOUT_S, _IDLE_TIMEOUT_S = 60.0, 10.0
"""Seconds to link the phone; seconds without any arrival after which the remaining messages count as lost."""


@dataclass
class EventRecorder:
    """A Socket.IO client's events: the newest payload by event name, and the arrival of each message by WhatsApp id."""

    latest: dict[str, dict[str, Any]] = field(default_factory=dict)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    arrivals: dict[str, tuple[float, float]] = field(default_factory=dict)
    """(sent, arrived), epoch seconds."""

    async def record(self, event: str, payload: dict[str, Any]) -> None:
        arrived = time.time()
        self.latest[event] = payload
        if event == "whatsapp:message":
            sent = float(json.loads(payload["text"])["sent_at"])
            self.arrivals.setdefault(payload["messageId"], (sent, arrived))
        async with self.changed:
            self.changed.notify_all()

    async def wait_for(self, event: str) -> dict[str, Any]:
        """The newest payload of this event; waits until there is one."""
        async with self.changed:
            await self.changed.wait_for(lambda: event in self.latest)
        return self.latest[event]


@dataclass(frozen=True)
class LatencyBench:
    """A running stack with one linked simulated phone, its contacts, and a connected Socket.IO client."""

    ready: dict[str, Any]
    simulator: SimulatorClient
    recorder: EventRecorder
    phone: str
    contacts: list[str]

    async def measure(self, rate: float, count: int) -> list[MessageTimes]:
        """Sends `count` messages at `rate` per second. → the times of those that arrived."""
        self.recorder.arrivals.clear()
        begun = time.time()
        await self.simulator.post("/load", to=self.phone, contacts=self.contacts, rate=rate, count=count)
        await self._all_arrived(count)
        times_by_id = await read_stream_times(self.ready["nats"], self.ready["organization_id"], begun)
        arrivals = dict(self.recorder.arrivals)
        return [_message_times(*arrivals[wa_id], times) for wa_id, times in times_by_id.items() if wa_id in arrivals]

    async def _all_arrived(self, count: int) -> None:
        count_before, since = 0, time.monotonic()
        while len(self.recorder.arrivals) < count and time.monotonic() - since < _IDLE_TIMEOUT_S:
            await asyncio.sleep(0.2)
            if len(self.recorder.arrivals) > count_before:
                count_before, since = len(self.recorder.arrivals), time.monotonic()


def _message_times(sent: float, arrived: float, times: StreamTimes) -> MessageTimes:
    return MessageTimes(sent, times.decrypted, times.received, times.recorded, arrived)


def make_parser() -> argparse.ArgumentParser:
    """Options of `bench latency`."""
    parser = argparse.ArgumentParser(prog="switchboard bench latency", description=__doc__)
    parser.add_argument("--rate", type=float, action="append", help="messages per second (default: 10 and 100)")
    parser.add_argument("--seconds", type=float, help="seconds of load at each rate (default: 20)")
    return parser


async def run(args: argparse.Namespace) -> int:
    """Measures on a stack of its own in a temporary folder; 0 when every message arrived.

    `args.rate`: messages per second, a list (default 10 and 100). `args.seconds`: of each rate (default 20).
    """
    rates, seconds = args.rate or RATES, args.seconds or SECONDS
    complete = True
    with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder:
        async with Stack(Options(data=Path(folder), port=0)) as stack, linked_bench(stack.ready) as bench:
            await bench.measure(10, 2 * CONTACTS)  # first messages: keys, contacts, bookings
            for rate in rates:
                count = max(1, round(rate * seconds))
                messages = await bench.measure(rate, count)
                sys.stdout.write("\n".join(report_lines(rate, count, messages)) + "\n")
                sys.stdout.flush()
                complete = complete and len(messages) == count
    return 0 if complete else 1


@asynccontextmanager
async def linked_bench(ready: dict[str, Any]) -> AsyncIterator[LatencyBench]:
    """Links a simulated phone to a new instance. Raises TimeoutError when it is not connected in time."""
    async with aiohttp.ClientSession() as http:  # closed here, also when the server closed its side first
        recorder, client = EventRecorder(), socketio.AsyncClient(http_session=http)
        client.on("*", recorder.record)
        await client.connect(ready["realtime"], auth={"token": ready["token"]}, transports=["websocket"])
        try:
            async with SimulatorClient(ready["simulator"]) as simulator:
                phone = (await simulator.post("/phones"))["number"]
                contacts = [(await simulator.post("/contacts"))["number"] for _ in range(CONTACTS)]
                await link(ready, simulator, recorder, phone)
                yield LatencyBench(ready, simulator, recorder, phone, contacts)
        finally:
            await client.shutdown()


async def link(ready: dict[str, Any], simulator: SimulatorClient, recorder: EventRecorder, phone: str) -> None:
    """Creates an instance and lets the phone scan its code; `recorder` gets the organization's events.

    Raises TimeoutError.
    """
    headers = {"Authorization": f"Bearer {ready['token']}"}
    async with httpx.AsyncClient(base_url=ready["api"], headers=headers, trust_env=False, timeout=30) as api:
        body = {"instance_name": "bench", "network": "simulator"}
        created = (await api.post("/api/whatsapp/instances", json=body)).raise_for_status().json()["instance"]
        connect = f"/api/whatsapp/instances/{created['id']}/connect"
        (await api.post(connect, json={"method": "qr"})).raise_for_status()
    async with asyncio.timeout(_LINK_TIMEOUT_S):
        await simulator.call(scan(phone, (await recorder.wait_for("whatsapp:qr"))["qr"]))
        await recorder.wait_for("whatsapp:connected")


if __name__ == "__main__":
    sys.exit(asyncio.run(run(make_parser().parse_args())))
