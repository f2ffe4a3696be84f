"""`bench latency`: from a simulated contact's socket to a Socket.IO client behind the front door, and where it goes."""

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

from deploy.local.latency_report import Journey, lines
from deploy.local.latency_trail import Trail, read_trail
from deploy.local.stack import Options, Stack
from simulator.client import SimulatorClient, scan

RATES, SECONDS, CONTACTS = (10.0, 100.0), 20.0, 10
_LINK_LIMIT, _SILENCE = 60.0, 10.0
"""Seconds to link the phone; seconds without any arrival after which the rest is taken for lost."""


@dataclass
class Browser:
    """What the Socket.IO client heard: the newest payload by event, and the arrival of each message by WhatsApp id."""

    latest: dict[str, dict[str, Any]] = field(default_factory=dict)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    arrivals: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Sent and arrived, epoch seconds."""

    async def hear(self, event: str, payload: dict[str, Any]) -> None:
        arrived = time.time()
        self.latest[event] = payload
        if event == "whatsapp:message":
            sent = float(json.loads(payload["text"])["sent_at"])
            self.arrivals.setdefault(payload["messageId"], (sent, arrived))
        async with self.changed:
            self.changed.notify_all()

    async def first(self, event: str) -> dict[str, Any]:
        """Waits for it."""
        async with self.changed:
            await self.changed.wait_for(lambda: event in self.latest)
        return self.latest[event]


@dataclass(frozen=True)
class Bench:
    """A stack with one linked simulated phone, its contacts, and a browser that listens."""

    ready: dict[str, Any]
    simulator: SimulatorClient
    browser: Browser
    phone: str
    contacts: list[str]

    async def measure(self, rate: float, count: int) -> list[Journey]:
        """The journeys of `count` messages at `rate` per second, as many as arrived."""
        self.browser.arrivals.clear()
        begun = time.time()
        await self.simulator.post("/load", to=self.phone, contacts=self.contacts, rate=rate, count=count)
        await self._all_arrived(count)
        trails = await read_trail(self.ready["nats"], self.ready["organization_id"], begun)
        arrivals = dict(self.browser.arrivals)
        return [_journey(*arrivals[wa_id], trail) for wa_id, trail in trails.items() if wa_id in arrivals]

    async def _all_arrived(self, count: int) -> None:
        seen, since = 0, time.monotonic()
        while len(self.browser.arrivals) < count and time.monotonic() - since < _SILENCE:
            await asyncio.sleep(0.2)
            if len(self.browser.arrivals) > seen:
                seen, since = len(self.browser.arrivals), time.monotonic()


def _journey(sent: float, arrived: float, trail: Trail) -> Journey:
    return Journey(sent, trail.decrypted, trail.received, trail.recorded, arrived)


def make_parser() -> argparse.ArgumentParser:
    """Options of `bench latency`."""
    parser = argparse.ArgumentParser(prog="switchboard bench latency", description=__doc__)
    parser.add_argument("--rate", type=float, action="append", help="messages per second (default: 10 and 100)")
    parser.add_argument("--seconds", type=float, help="load of each rate (default: 20)")
    return parser


async def run(args: argparse.Namespace) -> int:
    """`args.rate`: messages per second, a list (default 10 and 100); `args.seconds`: of each rate (default 20).

    A stack of its own in a temporary folder; 0 when every message arrived.
    """
    rates, seconds = args.rate or RATES, args.seconds or SECONDS
    complete = True
    with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder:
        async with Stack(Options(data=Path(folder), port=0)) as stack, prepared(stack.ready) as bench:
            await bench.measure(10, 2 * CONTACTS)  # first messages: keys, contacts, bookings
            for rate in rates:
                count = max(1, round(rate * seconds))
                journeys = await bench.measure(rate, count)
                sys.stdout.write("\n".join(lines(rate, count, journeys)) + "\n")
                sys.stdout.flush()
                complete = complete and len(journeys) == count
    return 0 if complete else 1


@asynccontextmanager
async def prepared(ready: dict[str, Any]) -> AsyncIterator[Bench]:
    """Link a simulated phone to a new instance. Raises TimeoutError when it does not come online."""
    async with aiohttp.ClientSession() as http:  # closed by us, also when the server went away first
        browser, client = Browser(), socketio.AsyncClient(http_session=http)
        client.on("*", browser.hear)
        await client.connect(ready["realtime"], auth={"token": ready["token"]}, transports=["websocket"])
        try:
            async with SimulatorClient(ready["simulator"]) as simulator:
                phone = (await simulator.post("/phones"))["number"]
                contacts = [(await simulator.post("/contacts"))["number"] for _ in range(CONTACTS)]
                await link(ready, simulator, browser, phone)
                yield Bench(ready, simulator, browser, phone, contacts)
        finally:
            await client.shutdown()


async def link(ready: dict[str, Any], simulator: SimulatorClient, browser: Browser, phone: str) -> None:
    """A new instance whose code the phone scans; `browser` hears the organization. Raises TimeoutError."""
    headers = {"Authorization": f"Bearer {ready['token']}"}
    async with httpx.AsyncClient(base_url=ready["api"], headers=headers, trust_env=False, timeout=30) as api:
        body = {"instance_name": "bench", "network": "simulator"}
        created = (await api.post("/api/whatsapp/instances", json=body)).raise_for_status().json()["instance"]
        connect = f"/api/whatsapp/instances/{created['id']}/connect"
        (await api.post(connect, json={"method": "qr"})).raise_for_status()
    async with asyncio.timeout(_LINK_LIMIT):
        await simulator.call(scan(phone, (await browser.first("whatsapp:qr"))["qr"]))
        await browser.first("whatsapp:connected")


if __name__ == "__main__":
    sys.exit(asyncio.run(run(make_parser().parse_args())))
