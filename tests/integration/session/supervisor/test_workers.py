"""Which worker gets which account, and when one is worn out."""

import asyncio

from services.session.protocol import Quit, Start, ToWorker
from services.session.supervisor.worker import ABANDONED_LIMIT
from shared.events import ConnectionChanged
from shared.records import ConnectionStatus as S
from tests.fakes.workers import FakeWorker, obedient
from tests.integration.session.supervisor.bench import INSTANCE, PATIENCE, Bench


def nobody_scans(worker: FakeWorker, frame: ToWorker) -> None:
    if isinstance(frame, Start):
        worker.show_qr(frame.instance_id, "2@code")
        worker.change(frame.instance_id, "pairing_timeout")
    else:
        obedient(worker, frame)


async def test_accounts_share_a_worker_until_it_is_full(bench: Bench) -> None:
    assert bench.node
    for number in range(26):
        await bench.connected(f"i{number}")
    assert sorted(len(worker["instances"]) for worker in bench.node.workers()) == [1, 25]


async def test_a_worker_with_many_abandoned_pairings_is_retired(bench: Bench) -> None:
    bench.workers.script = nobody_scans
    for _ in range(ABANDONED_LIMIT):
        before = len(bench.events)
        await bench.connect()
        await bench.event(ConnectionChanged, since=before, reason="pairing_timeout")
    (worn_out,) = bench.workers.all
    async with asyncio.timeout(PATIENCE):
        while not isinstance(worn_out.told[-1], Quit):
            await asyncio.sleep(0.02)
    bench.workers.script = obedient
    await bench.connected()
    assert bench.workers.last is not worn_out


async def test_a_worker_that_cannot_be_made_is_tried_again(bench: Bench) -> None:
    bench.workers.refusals = 2
    await bench.connect()
    await bench.event(ConnectionChanged, status=S.RECONNECTING, reason="network_unreachable")
    await bench.status(S.CONNECTED)
    assert bench.workers.starts()[-1].instance_id == INSTANCE
