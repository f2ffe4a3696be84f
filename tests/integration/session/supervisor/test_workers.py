"""Which worker an instance is assigned to, and when a worker is retired."""

import pytest

from services.session.ipc.messages import Quit, Start, ToWorker
from services.session.supervisor.connection_state import MAX_CRASHING_STARTS, STABLE_AFTER_S
from services.session.supervisor.worker_handle import MAX_ABANDONED_PAIRINGS
from shared.contracts.events import ConnectionChanged
from shared.contracts.records import ConnectionStatus as S
from tests.fakes.workers import FakeWorker, obedient
from tests.integration.session.supervisor.testbed import INSTANCE, NodeTestBed
from tests.waiting import until


def nobody_scans(worker: FakeWorker, frame: ToWorker) -> None:
    if isinstance(frame, Start):
        worker.send_qr(frame.instance_id, "2@code")
        worker.report(frame.instance_id, "pairing_timeout")
    else:
        obedient(worker, frame)


async def test_instances_share_a_worker_until_it_is_full(testbed: NodeTestBed) -> None:
    assert testbed.node
    for number in range(26):
        await testbed.connected(f"i{number}")
    assert sorted(len(worker["instances"]) for worker in testbed.node.workers()) == [1, 25]


async def test_a_worker_with_many_abandoned_pairings_is_retired(testbed: NodeTestBed) -> None:
    testbed.workers.script = nobody_scans
    for _ in range(MAX_ABANDONED_PAIRINGS):
        before = len(testbed.events)
        await testbed.connect()
        await testbed.event(ConnectionChanged, since=before, reason="pairing_timeout")
    (retired,) = testbed.workers.all
    await until(lambda: isinstance(retired.frames[-1], Quit))
    testbed.workers.script = obedient
    await testbed.connected()
    assert testbed.workers.last is not retired


async def test_a_fork_that_failed_is_retried(testbed: NodeTestBed) -> None:
    testbed.workers.failing_forks = 2
    await testbed.connect()
    await testbed.event(ConnectionChanged, status=S.RECONNECTING, reason="network_unreachable")
    await testbed.status(S.CONNECTED)
    assert testbed.workers.starts()[-1].instance_id == INSTANCE


async def test_an_interrupted_instance_starts_again_and_says_why(testbed: NodeTestBed) -> None:
    def interrupted_once(worker: FakeWorker, frame: ToWorker) -> None:
        obedient(worker, frame)
        if isinstance(frame, Start) and len(testbed.workers.starts()) == 1:
            worker.report(frame.instance_id, "interrupted", reason="required field neonize.Receipt.Type not set")

    testbed.workers.script = interrupted_once
    await testbed.connect()
    changed = await testbed.event(ConnectionChanged, reason="library_interrupted")
    assert (changed.status, changed.will_retry) == (S.RECONNECTING, True)
    since = testbed.events.index(changed)
    await testbed.event(ConnectionChanged, since=since, status=S.CONNECTED)
    reasons = {event.reason for event in testbed.events[since:] if isinstance(event, ConnectionChanged)}
    assert reasons == {"library_interrupted", None}


async def test_an_instance_that_crashes_its_worker_gets_one_of_its_own(
    testbed: NodeTestBed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deadly(worker: FakeWorker, frame: ToWorker) -> None:
        if isinstance(frame, Start) and frame.instance_id == "sick":
            worker.die()
        else:
            obedient(worker, frame)

    monkeypatch.setattr("random.random", lambda: 0.01)  # pauses of hundredths of a second
    testbed.workers.script = deadly
    neighbours = [f"healthy-{number}" for number in range(3)]
    for name in neighbours:
        await testbed.connected(name)
    await testbed.connect("sick")

    def killed() -> list[FakeWorker]:
        return [w for w in testbed.workers.all if any(start.instance_id == "sick" for start in w.starts())]

    await until(lambda: len(killed()) >= MAX_CRASHING_STARTS + 3)
    alone = killed()[MAX_CRASHING_STARTS:]
    assert all({start.instance_id for start in worker.starts()} == {"sick"} for worker in alone)
    for name in neighbours:
        await testbed.status(S.CONNECTED, name)


async def test_a_crash_after_a_stable_connection_does_not_count(testbed: NodeTestBed) -> None:
    await testbed.connected()
    for _ in range(MAX_CRASHING_STARTS + 1):
        assert testbed.node
        (instance,) = testbed.node._supervisor.all()
        instance.started_at -= STABLE_AFTER_S
        before = len(testbed.events)
        testbed.workers.last.die()
        await testbed.event(ConnectionChanged, since=before, reason="worker_crashed")
        await testbed.event(ConnectionChanged, since=before, status=S.CONNECTED)
    assert not instance.runtime.needs_own_worker
