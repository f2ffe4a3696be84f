"""`bench latency`: the time from a simulated contact to a Socket.IO client behind the front server, by stage, with the
processor time of each process; then the highest rate that is sustained."""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import socketio

from deploy.local.latency_report import MessageTimes, processor_lines, processor_text, report_lines
from deploy.local.process_usage import SERVER_PROCESSES, THIS_PROCESS, ProcessorTimes
from deploy.local.send_accounts import link_accounts
from deploy.local.stack import Options, Stack
from deploy.local.stream_times import StreamTimes, read_stream_times
from deploy.local.sustained_rate import RateTry, rate_try, result_line, search, try_line
from simulator.client import SimulatorClient, scan

DEFAULT_RATES, DEFAULT_SECONDS, DEFAULT_ACCOUNTS, DEFAULT_START_RATE_PER_S = (10.0, 100.0, 300.0), 20.0, 25, 400.0
CONTACTS = 10
PARTS = ("latency", "sustained")
_WARM_UP_RATE_PER_S = 50.0
_REST_S, _SETTLE_S = 3.0, 1.0
"""Seconds in which the processor time without messages is measured; between the messages before and a measurement."""
_RISE_S, _SUSTAINED_S, _SAMPLE_S = 2.0, 10.0, 0.25
"""Of one try of a rate: seconds before its backlog counts, in which it counts, and between two samples of it."""
_LINK_TIMEOUT_S, _IDLE_TIMEOUT_S = 60.0, 10.0
"""Seconds to link the phone; seconds without any arrival after which the remaining messages count as lost."""


class MessagesLost(Exception):
    """Messages of a try did not arrive."""


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
    """A running stack with linked simulated phones, their contacts, and a connected Socket.IO client."""

    ready: dict[str, Any]
    simulator: SimulatorClient
    recorder: EventRecorder
    phones: list[str]
    contacts: list[str]

    @property
    def phone(self) -> str:
        return self.phones[0]

    async def warm_up(self) -> None:
        """The first messages of each contact to each phone: keys, contacts, conversations and bookings are made."""
        await self.receive(_WARM_UP_RATE_PER_S, len(self.phones) * len(self.contacts))
        await asyncio.sleep(_SETTLE_S)

    async def receive(self, rate: float, count: int) -> None:
        """Sends `count` messages at `rate` per second, and waits until all arrived or no more arrive."""
        self.recorder.arrivals.clear()
        await self._start_load(rate, count)
        await self._all_arrived(count)

    async def times_since(self, begun: float) -> list[MessageTimes]:
        """The times of those of the last messages, sent since `begun` (epoch seconds), that arrived."""
        times_by_id = await read_stream_times(self.ready["nats"], self.ready["organization_id"], begun)
        arrivals = dict(self.recorder.arrivals)
        return [_message_times(*arrivals[wa_id], times) for wa_id, times in times_by_id.items() if wa_id in arrivals]

    async def try_rate(self, rate: float) -> RateTry:
        """Sends at `rate` per second and samples the backlog: what was sent and did not arrive yet. All has arrived, or
        is lost, when this returns."""
        self.recorder.arrivals.clear()
        count = round(rate * (_RISE_S + _SUSTAINED_S))
        await self._start_load(rate, count)
        await asyncio.sleep(_RISE_S)
        backlogs: list[int] = []
        while (load := await self.simulator.get("/load"))["running"]:
            backlogs.append(load["sent"] - len(self.recorder.arrivals))
            await asyncio.sleep(_SAMPLE_S)
        await self._all_arrived(count)
        if lost := count - len(self.recorder.arrivals):
            raise MessagesLost(f"{lost} of {count} messages at {rate:.0f}/s did not arrive")
        return rate_try(rate, load["rate"], backlogs)

    async def _start_load(self, rate: float, count: int) -> None:
        await self.simulator.post("/load", to=self.phones, contacts=self.contacts, rate=rate, count=count)

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
    parser.add_argument("--rate", type=float, action="append", help="messages per second (default: 10, 100 and 300)")
    parser.add_argument("--seconds", type=float, default=DEFAULT_SECONDS, help="of load at each rate")
    parser.add_argument("--accounts", type=int, default=DEFAULT_ACCOUNTS, help="linked accounts")
    parser.add_argument("--start-rate", type=float, default=DEFAULT_START_RATE_PER_S, help="first rate of the search")
    parser.add_argument("--only", choices=PARTS, help="run one part")
    return parser


async def run(args: argparse.Namespace) -> int:
    """Measures on a stack of its own in a temporary folder; 0 when every message arrived."""
    complete = True
    with tempfile.TemporaryDirectory(prefix="switchboard-bench-") as folder:
        async with (
            Stack(Options(data=Path(folder), port=0)) as stack,
            linked_bench(stack.ready, args.accounts) as bench,
        ):
            await bench.warm_up()
            if args.only != "sustained":
                complete = await _measure_latency(stack, bench, args.rate or DEFAULT_RATES, args.seconds)
            if args.only != "latency":
                complete = await _measure_sustained(bench, args.start_rate) and complete
    return 0 if complete else 1


async def _measure_latency(stack: Stack, bench: LatencyBench, rates: Sequence[float], seconds: float) -> bool:
    """Prints the figures of each rate. Whether every message arrived."""
    complete = True
    at_rest = ProcessorTimes.of(stack)
    await asyncio.sleep(_REST_S)
    used = ProcessorTimes.of(stack).since(at_rest)
    text = processor_text({name: 1000 * seconds / _REST_S for name, seconds in used.items()})
    _print(f"{len(bench.phones)} accounts; processor without messages, ms per second: {text}")
    for rate in rates:
        count, begun, before = max(1, round(rate * seconds)), time.time(), ProcessorTimes.of(stack)
        await bench.receive(rate, count)
        used = ProcessorTimes.of(stack).since(before)
        messages = await bench.times_since(begun)
        per_message = {_shown_name(name): 1000 * seconds / count for name, seconds in used.items()}
        _print(*report_lines(rate, count, messages), *processor_lines(per_message, SERVER_PROCESSES))
        complete = complete and len(messages) == count
    return complete


def _shown_name(process: str) -> str:
    return "measuring client" if process == THIS_PROCESS else process


async def _measure_sustained(bench: LatencyBench, start_rate: float) -> bool:
    """Prints each try and the result. False when messages were lost."""
    _print("messages that were sent and not heard yet (backlog), at rates that are held for 10 s")

    async def attempt(rate: float) -> RateTry:
        tried = await bench.try_rate(rate)
        _print(try_line(tried))
        return tried

    try:
        tries = await search(attempt, start_rate)
    except MessagesLost as error:
        _print(str(error))
        return False
    _print(result_line(tries))
    return True


def _print(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


@asynccontextmanager
async def linked_bench(ready: dict[str, Any], accounts: int = 1) -> AsyncIterator[LatencyBench]:
    """Links simulated phones to new instances. Raises TimeoutError when one is not connected in time."""
    async with aiohttp.ClientSession() as http:  # closed here, also when the server closed its side first
        recorder, client = EventRecorder(), socketio.AsyncClient(http_session=http)
        client.on("*", recorder.record)
        await client.connect(ready["realtime"], auth={"token": ready["token"]}, transports=["websocket"])
        try:
            async with SimulatorClient(ready["simulator"]) as simulator:
                phones = [account.phone for account in await link_accounts(ready, accounts)]
                contacts = [(await simulator.post("/contacts"))["number"] for _ in range(CONTACTS)]
                yield LatencyBench(ready, simulator, recorder, phones, contacts)
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
