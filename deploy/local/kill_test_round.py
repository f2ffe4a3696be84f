"""One round: load from the simulator, `kill -9` in the middle, then wait until everything has settled."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import psutil
from pymongo.asynchronous.database import AsyncDatabase

from deploy.local.kill_test_counts import Found, missing
from deploy.local.stack import Stack
from simulator.client import SimulatorClient

SETTLED = 45.0
"""Seconds without any progress after which what is missing counts as lost: what a killed service had in hand is
delivered again after WA_ACK_WAIT (30 s)."""
_LOOK_EVERY = 0.2


@dataclass
class Witness:
    """A Socket.IO client's ears: how often each WhatsApp id was told."""

    told: Counter[str] = field(default_factory=Counter)

    async def hear(self, message: dict[str, Any]) -> None:
        self.told[message["messageId"]] += 1


@dataclass(frozen=True)
class Scene:
    """What every round works on; `phone` is linked, `contacts` write to it."""

    stack: Stack
    simulator: SimulatorClient
    database: AsyncDatabase[dict[str, Any]]
    witness: Witness
    phone: str
    contacts: list[str]


@dataclass(frozen=True)
class Blow:
    """`target` dies `after` seconds of load at `rate` messages per second for `seconds`."""

    target: str
    after: float
    rate: float
    seconds: float


async def play(scene: Scene, blow: Blow) -> Found:
    """Raises StartFailed when what was killed does not come back."""
    count = round(blow.rate * blow.seconds)
    await scene.simulator.post("/load", to=scene.phone, contacts=scene.contacts, rate=blow.rate, count=count)
    await asyncio.sleep(blow.after)
    await kill(scene.stack, blow.target)
    await asyncio.sleep(max(0.0, blow.seconds - blow.after))
    await asyncio.gather(*(scene.stack.wait_ready(name) for name in scene.stack.names))
    return await _settled(scene, await _all_sent(scene))


async def kill(stack: Stack, target: str) -> None:
    """A worker is a grandchild of the session service; every other target is one of the stack's processes."""
    if target != "worker":
        stack.kill("session" if target == "supervisor" else target)
        return
    for worker in _workers(stack.pid("session")):
        worker.kill()


async def _all_sent(scene: Scene) -> frozenset[str]:
    while True:
        load = await scene.simulator.get("/load?ids=1")
        if not load["running"]:
            return frozenset(load["ids"])
        await asyncio.sleep(_LOOK_EVERY)


def _workers(supervisor: int) -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for zygote in psutil.Process(supervisor).children():
        found += zygote.children()
    if not found:
        raise ProcessLookupError("the session service has no worker to kill")
    return found


async def _settled(scene: Scene, sent: frozenset[str]) -> Found:
    """Look until all is there, or nothing has changed for SETTLED seconds."""
    clock = asyncio.get_running_loop().time
    found, since = await _look(scene, sent), clock()
    while found.acknowledged < sent or missing(sent, found.recorded):
        await asyncio.sleep(_LOOK_EVERY)
        newer = await _look(scene, sent)
        if newer != found:
            found, since = newer, clock()
        elif clock() - since > SETTLED:
            break
    await asyncio.sleep(1)  # what is told twice is told within a moment
    return await _look(scene, sent)


async def _look(scene: Scene, sent: frozenset[str]) -> Found:
    acknowledged = (await scene.simulator.get(f"/phones/{scene.phone}/acknowledged"))["ids"]
    database, phones = scene.database, {f"phone:{number}" for number in scene.contacts}
    wanted = {"wa_id": {"$in": list(sent)}}
    contacts = await database["contacts"].find({"aliases": {"$in": list(phones)}}, {"aliases": 1}).to_list()
    keys = [str(contact["_id"]) for contact in contacts]
    open_ones = {"contact_id": {"$in": keys}, "status": "pending"}
    return Found(
        sent=sent,
        acknowledged=sent & frozenset(acknowledged),
        recorded=Counter(m["wa_id"] for m in await database["messages"].find(wanted, {"wa_id": 1}).to_list()),
        told=Counter({key: count for key, count in scene.witness.told.items() if key in sent}),
        contacts=Counter(alias for contact in contacts for alias in contact["aliases"] if alias in phones),
        bookings=Counter(b["contact_id"] for b in await database["bookings"].find(open_ones).to_list()),
    )
