"""Which worker gets which account, and when one is worn out."""

import asyncio

import pytest

from services.session.ipc.messages import Quit, Start, ToWorker
from services.session.supervisor.connection_state import STABLE_AFTER_S
from services.session.supervisor.supervised_instance import MAX_CRASHING_STARTS
from services.session.supervisor.worker_handle import MAX_ABANDONED_PAIRINGS
from shared.contracts.events import ConnectionChanged
from shared.contracts.records import ConnectionStatus as S
from tests.fakes.workers import FakeWorker, obedient
from tests.integration.session.supervisor.testbed import INSTANCE, WAIT_TIMEOUT_S, NodeTestBed


def nobody_scans(worker: FakeWorker, frame: ToWorker) -> None:
    if isinstance(frame, Start):
        worker.show_qr(frame.instance_id, "2@code")
        worker.change(frame.instance_id, "pairing_timeout")
    else:
        obedient(worker, frame)


async def test_accounts_share_a_worker_until_it_is_full(bench: NodeTestBed) -> None:
    assert bench.node
    for number in range(26):
        await bench.connected(f"i{number}")
    assert sorted(len(worker["instances"]) for worker in bench.node.workers()) == [1, 25]


async def test_a_worker_with_many_abandoned_pairings_is_retired(bench: NodeTestBed) -> None:
    bench.workers.script = nobody_scans
    for _ in range(MAX_ABANDONED_PAIRINGS):
        before = len(bench.events)
        await bench.connect()
        await bench.event(ConnectionChanged, since=before, reason="pairing_timeout")
    (worn_out,) = bench.workers.all
    async with asyncio.timeout(WAIT_TIMEOUT_S):
        while not isinstance(worn_out.told[-1], Quit):
            await asyncio.sleep(0.02)
    bench.workers.script = obedient
    await bench.connected()
    assert bench.workers.last is not worn_out


async def test_a_worker_that_cannot_be_made_is_tried_again(bench: NodeTestBed) -> None:
    bench.workers.refusals = 2
    await bench.connect()
    await bench.event(ConnectionChanged, status=S.RECONNECTING, reason="network_unreachable")
    await bench.status(S.CONNECTED)
    assert bench.workers.starts()[-1].instance_id == INSTANCE


async def test_an_interrupted_account_starts_again_and_says_why(bench: NodeTestBed) -> None:
    def interrupted_once(worker: FakeWorker, frame: ToWorker) -> None:
        obedient(worker, frame)
        if isinstance(frame, Start) and len(bench.workers.starts()) == 1:
            worker.change(frame.instance_id, "interrupted", reason="required field neonize.Receipt.Type not set")

    bench.workers.script = interrupted_once
    await bench.connect()
    told = await bench.event(ConnectionChanged, reason="library_interrupted")
    assert (told.status, told.will_retry) == (S.RECONNECTING, True)
    since = bench.events.index(told)
    await bench.event(ConnectionChanged, since=since, status=S.CONNECTED)
    reasons = {event.reason for event in bench.events[since:] if isinstance(event, ConnectionChanged)}
    assert reasons == {"library_interrupted", None}


async def test_an_account_whose_starts_end_the_process_gets_one_of_its_own(
    bench: NodeTestBed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deadly(worker: FakeWorker, frame: ToWorker) -> None:
        if isinstance(frame, Start) and frame.instance_id == "sick":
            worker.die()
        else:
            obedient(worker, frame)

    monkeypatch.setattr("random.random", lambda: 0.01)  # pauses of hundredths of a second
    bench.workers.script = deadly
    neighbours = [f"healthy-{number}" for number in range(3)]
    for name in neighbours:
        await bench.connected(name)
    await bench.connect("sick")

    def killed() -> list[FakeWorker]:
        return [w for w in bench.workers.all if any(start.instance_id == "sick" for start in w.starts())]

    async with asyncio.timeout(WAIT_TIMEOUT_S):
        while len(killed()) < MAX_CRASHING_STARTS + 3:
            await asyncio.sleep(0.02)
    alone = killed()[MAX_CRASHING_STARTS:]
    assert all({start.instance_id for start in worker.starts()} == {"sick"} for worker in alone)
    for name in neighbours:
        await bench.status(S.CONNECTED, name)


async def test_an_account_that_lived_long_is_not_suspected_when_its_process_ends(bench: NodeTestBed) -> None:
    await bench.connected()
    for _ in range(MAX_CRASHING_STARTS + 1):
        assert bench.node
        (account,) = bench.node._supervisor.all()
        account.started_at -= STABLE_AFTER_S
        before = len(bench.events)
        bench.workers.last.die()
        await bench.event(ConnectionChanged, since=before, reason="worker_crashed")
        await bench.event(ConnectionChanged, since=before, status=S.CONNECTED)
    assert not account.needs_own_worker
