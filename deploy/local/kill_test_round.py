"""One round: load from the simulator, `kill -9` during it, then a wait until no number changes any more."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import psutil
from pymongo.asynchronous.database import AsyncDatabase

from deploy.local.kill_test_counts import RoundResult, missing_ids
from deploy.local.stack import Stack
from simulator.client import SimulatorClient

SETTLE_TIMEOUT_S = 45.0
"""After this time without a change a missing message counts as lost. NATS redelivers what a killed service had not
acknowledged after WA_ACK_WAIT (30 s)."""
_POLL_INTERVAL_S = 0.2


@dataclass
class SocketRecorder:
    """Counts the `whatsapp:message` events of a Socket.IO client by WhatsApp id."""

    socket_events: Counter[str] = field(default_factory=Counter)

    async def record(self, message: dict[str, Any]) -> None:
        self.socket_events[message["messageId"]] += 1


@dataclass(frozen=True)
class TestBed:
    """What every round uses; `phone` is linked, `contacts` write to it."""

    stack: Stack
    simulator: SimulatorClient
    database: AsyncDatabase[dict[str, Any]]
    recorder: SocketRecorder
    phone: str
    contacts: list[str]


@dataclass(frozen=True)
class Kill:
    """`target` is killed `after` seconds into a load of `rate` messages per second for `seconds`."""

    target: str
    after: float
    rate: float
    seconds: float


async def run_round(test_bed: TestBed, kill: Kill) -> RoundResult:
    """Raises StartFailed when the killed process does not become ready again."""
    count = round(kill.rate * kill.seconds)
    await test_bed.simulator.post("/load", to=test_bed.phone, contacts=test_bed.contacts, rate=kill.rate, count=count)
    await asyncio.sleep(kill.after)
    await kill_process(test_bed.stack, kill.target)
    await asyncio.sleep(max(0.0, kill.seconds - kill.after))
    await asyncio.gather(*(test_bed.stack.wait_ready(name) for name in test_bed.stack.names))
    return await _wait_until_settled(test_bed, await _all_sent(test_bed))


async def kill_process(stack: Stack, target: str) -> None:
    """Workers are grandchildren of the session service; every other target is a process of the stack."""
    if target != "worker":
        stack.kill("session" if target == "supervisor" else target)
        return
    for worker in _workers(stack.pid("session")):
        worker.kill()


async def _all_sent(test_bed: TestBed) -> frozenset[str]:
    while True:
        load = await test_bed.simulator.get("/load?ids=1")
        if not load["running"]:
            return frozenset(load["ids"])
        await asyncio.sleep(_POLL_INTERVAL_S)


def _workers(supervisor: int) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for zygote in psutil.Process(supervisor).children():
        found += zygote.children()
    if not found:
        raise ProcessLookupError("the session service has no worker to kill")
    return found


async def _wait_until_settled(test_bed: TestBed, sent: frozenset[str]) -> RoundResult:
    """Counts until nothing is missing, or nothing has changed for SETTLE_TIMEOUT_S seconds."""
    clock = asyncio.get_running_loop().time
    found, since = await _count(test_bed, sent), clock()
    while found.acknowledged < sent or missing_ids(sent, found.recorded):
        await asyncio.sleep(_POLL_INTERVAL_S)
        newer = await _count(test_bed, sent)
        if newer != found:
            found, since = newer, clock()
        elif clock() - since > SETTLE_TIMEOUT_S:
            break
    await asyncio.sleep(1)  # a duplicate event follows within a moment
    return await _count(test_bed, sent)


async def _count(test_bed: TestBed, sent: frozenset[str]) -> RoundResult:
    acknowledged = (await test_bed.simulator.get(f"/phones/{test_bed.phone}/acknowledged"))["ids"]
    database, phones = test_bed.database, {f"phone:{number}" for number in test_bed.contacts}
    wanted = {"wa_id": {"$in": list(sent)}}
    contacts = await database["contacts"].find({"aliases": {"$in": list(phones)}}, {"aliases": 1}).to_list()
    keys = [str(contact["_id"]) for contact in contacts]
    open_ones = {"contact_id": {"$in": keys}, "status": "pending"}
    return RoundResult(
        sent=sent,
        acknowledged=sent & frozenset(acknowledged),
        recorded=Counter(m["wa_id"] for m in await database["messages"].find(wanted, {"wa_id": 1}).to_list()),
        socket_events=Counter({key: count for key, count in test_bed.recorder.socket_events.items() if key in sent}),
        contacts=Counter(alias for contact in contacts for alias in contact["aliases"] if alias in phones),
        bookings=Counter(b["contact_id"] for b in await database["bookings"].find(open_ones).to_list()),
    )
