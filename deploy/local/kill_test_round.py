"""One round: load in both directions, `kill -9` during it, then a wait until no number changes any more."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass

import psutil

from deploy.local.kill_test_counts import RoundResult, missing_ids
from deploy.local.kill_test_outcomes import SendSources, read_send_results
from deploy.local.kill_test_send_counts import SendResult
from deploy.local.kill_test_sends import SendCallers, SendRequest
from deploy.local.kill_test_socket import SocketRecorder
from deploy.local.stack import Stack
from shared.contracts.message_type import MessageType

SETTLE_TIMEOUT_S = 45.0
"""After this time without a change a missing message counts as lost. NATS redelivers what a killed service had not
acknowledged after WA_ACK_WAIT (30 s)."""
_POLL_INTERVAL_S = 0.2


@dataclass(frozen=True)
class TestBed:
    """What every round uses. `phone` is linked, `contacts` write to it; `callers` send texts from all accounts."""

    stack: Stack
    recorder: SocketRecorder
    phone: str
    contacts: list[str]
    callers: SendCallers
    sources: SendSources


@dataclass(frozen=True)
class Kill:
    """`target` is killed `after` seconds into a load of `seconds`: `rate` messages per second come in, and `send_rate`
    texts per second are sent."""

    target: str
    after: float
    rate: float
    send_rate: float
    seconds: float


@dataclass(frozen=True)
class KillLoad:
    """The load of one round. begun: epoch seconds. received: WhatsApp ids of the messages that contacts wrote."""

    kill: Kill
    begun: float
    received: frozenset[str]
    sends: list[SendRequest]


async def run_load(test_bed: TestBed, kill: Kill) -> KillLoad:
    """Returns when every process is ready again, and every caller has its answer.

    Raises StartFailed when the killed process does not become ready again.
    """
    begun = time.time()
    if kill.rate:
        plan = {"to": test_bed.phone, "contacts": test_bed.contacts, "rate": kill.rate}
        await test_bed.sources.simulator.post("/load", **plan, count=round(kill.rate * kill.seconds))
    async with asyncio.TaskGroup() as group:
        sending = group.create_task(test_bed.callers.send_all(kill.send_rate, kill.seconds))
        await asyncio.sleep(kill.after)
        await kill_process(test_bed.stack, kill.target)
        await asyncio.sleep(max(0.0, kill.seconds - kill.after))
    await asyncio.gather(*(test_bed.stack.wait_ready(name) for name in test_bed.stack.names))
    received = await _all_written(test_bed) if kill.rate else frozenset[str]()
    return KillLoad(kill, begun, received, sending.result())


async def kill_process(stack: Stack, target: str) -> None:
    """Workers are grandchildren of the session service; every other target is a process of the stack."""
    if target != "worker":
        stack.kill("session" if target == "supervisor" else target)
        return
    for worker in _workers(stack.pid("session")):
        worker.kill()


async def _all_written(test_bed: TestBed) -> frozenset[str]:
    while True:
        load = await test_bed.sources.simulator.get("/load?ids=1")
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


async def settled_results(test_bed: TestBed, load: KillLoad) -> tuple[RoundResult, list[SendResult]]:
    """What is counted when nothing is missing, or nothing has changed for SETTLE_TIMEOUT_S seconds."""
    clock = asyncio.get_running_loop().time
    found, since = await read_results(test_bed, load), clock()
    while not _settled(*found):
        await asyncio.sleep(_POLL_INTERVAL_S)
        newer = await read_results(test_bed, load)
        if newer != found:
            found, since = newer, clock()
        elif clock() - since > SETTLE_TIMEOUT_S:
            break
    await asyncio.sleep(1)  # a duplicate event follows within a moment
    return await read_results(test_bed, load)


def _settled(received: RoundResult, sends: list[SendResult]) -> bool:
    everything_in = received.acknowledged >= received.sent and not missing_ids(received.sent, received.recorded)
    return everything_in and all(result.settled for result in sends)


async def read_results(test_bed: TestBed, load: KillLoad) -> tuple[RoundResult, list[SendResult]]:
    """What the servers and the socket have now of the load of one round."""
    sends = await read_send_results(test_bed.sources, load.sends, load.begun)
    return await _read_received(test_bed, load.received), sends


async def _read_received(test_bed: TestBed, sent: frozenset[str]) -> RoundResult:
    acknowledged = (await test_bed.sources.simulator.get(f"/phones/{test_bed.phone}/acknowledged"))["ids"]
    database, phones = test_bed.sources.database, {f"phone:{number}" for number in test_bed.contacts}
    wanted = {"wa_id": {"$in": list(sent)}}
    contacts = await database["contacts"].find({"aliases": {"$in": list(phones)}}, {"aliases": 1}).to_list()
    keys = [str(contact["_id"]) for contact in contacts]
    open_ones = {"contact_id": {"$in": keys}, "status": "pending"}
    messages = await database["messages"].find(wanted, {"wa_id": 1, "type": 1}).to_list()
    return RoundResult(
        sent=sent,
        acknowledged=sent & frozenset(acknowledged),
        recorded=Counter(message["wa_id"] for message in messages),
        unreadable=frozenset(message["wa_id"] for message in messages if message["type"] == MessageType.UNDECRYPTABLE),
        socket_events=Counter({key: count for key, count in test_bed.recorder.socket_events.items() if key in sent}),
        contacts=Counter(alias for contact in contacts for alias in contact["aliases"] if alias in phones),
        bookings=Counter(b["contact_id"] for b in await database["bookings"].find(open_ones).to_list()),
    )
