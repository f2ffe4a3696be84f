"""Each background task of a node meets an error is not expected: a KeyError."""

import os
from collections.abc import Callable
from typing import Any

import pytest

from services.session.ipc.messages import ConnectionUpdate, EventsConfirmed
from services.session.store.connections import ConnectionCollection
from services.session.supervisor import event_publisher, reconciler, worker_handle, zygote_handle
from services.session.supervisor.instance_supervisor import InstanceSupervisor
from services.session.supervisor.node_lease import NodeLease
from services.session.supervisor.worker_calls import WorkerLost
from services.session.supervisor.worker_pool import WorkerPool
from services.session.supervisor.zygote_handle import ZygoteHandle
from shared.contracts.events import ConnectionChanged, MessageReceived
from shared.contracts.message import Message
from shared.contracts.records import ConnectionStatus as S
from shared.contracts.registry import DEAD_PREFIX
from shared.messaging.publisher import Publisher
from shared.platform import background
from shared.platform.background import ProcessEnd
from tests.integration.session.supervisor.test_event_publisher import journal, received, until_confirmed
from tests.integration.session.supervisor.testbed import INSTANCE, NodeTestBed
from tests.waiting import until

Fault = Callable[..., None]


@pytest.fixture(autouse=True)
def _short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "RESTART_DELAYS_S", (0.01,))
    monkeypatch.setattr(reconciler, "RECONCILE_INTERVAL_S", 0.05)
    monkeypatch.setattr(event_publisher, "PUBLISH_RETRY_DELAY_S", 0.01)


@pytest.fixture
def fault(monkeypatch: pytest.MonkeyPatch) -> Fault:
    """Make a method raise KeyError, so many times or for these arguments, and then work."""

    def install(owner: Any, name: str, times: int = 1, match: Callable[..., bool] = lambda *_: True) -> None:
        real, left = getattr(owner, name), [times]

        def broken(*args: Any, **more: Any) -> Any:
            if left[0] and match(*args):
                left[0] -= 1
                raise KeyError("thrown on purpose")
            return real(*args, **more)

        monkeypatch.setattr(owner, name, broken)

    return install


async def test_a_lease_whose_renewal_fails_closes_every_connection_and_ends_the_process(
    testbed: NodeTestBed, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    end, ended = ProcessEnd(), list[str]()
    monkeypatch.setattr(end, "end", ended.append)
    monkeypatch.setattr(background, "process_end", end)
    await testbed.connected()
    fault(NodeLease, "_try_to_renew")
    await testbed.event(ConnectionChanged, status=S.RECONNECTING, reason="lease_lost")
    await until(lambda: ended == ["lease.renew_forever"])
    assert testbed.node
    assert not testbed.node.lease.is_held
    name = testbed.node.lease._node
    assert name in await testbed.node.lease.live_nodes()  # nobody takes over before the lease has run out


async def test_the_reconciler_continues_after_an_error(testbed: NodeTestBed, fault: Fault) -> None:
    await testbed.connected()
    await testbed.stop_node()
    fault(ConnectionCollection, "find_restorable", 2)
    await testbed.start_node()
    await testbed.status(S.CONNECTED)


async def test_an_instance_that_cannot_be_restored_delays_no_other(testbed: NodeTestBed, fault: Fault) -> None:
    for instance in ("a", "b", "c"):
        await testbed.connected(instance)
    await testbed.stop_node()
    before = len(testbed.events)
    fault(InstanceSupervisor, "start", 10**6, lambda _, instance, *__: instance.instance_id == "a")
    await testbed.start_node()
    for instance in ("b", "c"):
        await testbed.event(ConnectionChanged, since=before, status=S.CONNECTED, instance_id=instance)


async def test_the_event_publisher_continues_with_the_batch_it_had(testbed: NodeTestBed, fault: Fault) -> None:
    await testbed.connected()
    fault(WorkerPool, "send", 1, lambda _, __, frame: isinstance(frame, EventsConfirmed))
    for sequence in range(1, 4):
        journal(testbed, sequence, received(testbed, f"W{sequence}"))
    await until_confirmed(testbed.workers.last, 3)
    for sequence in range(1, 4):
        await testbed.event(MessageReceived, wa_id=f"W{sequence}")


@pytest.mark.parametrize("times", [2, 10**6], ids=["for a while", "always"])
async def test_an_event_that_cannot_be_published_delays_no_other(
    testbed: NodeTestBed, fault: Fault, times: int
) -> None:
    await testbed.connected()

    def second(_: Publisher, *messages: Message) -> bool:
        return any(getattr(message, "wa_id", "") == "W2" for message in messages)

    fault(Publisher, "__call__", times, second)
    for sequence in range(1, 4):
        journal(testbed, sequence, received(testbed, f"W{sequence}"))
    await until_confirmed(testbed.workers.last, 3)
    await testbed.event(MessageReceived, wa_id="W3")
    if times == 2:
        await testbed.event(MessageReceived, wa_id="W2")
    else:
        dead = await testbed.js.get_last_msg("WA_DEAD", DEAD_PREFIX + received(testbed, "W2").full_subject)
        assert received(testbed, "W2").id.encode() in (dead.data or b"")


async def test_a_worker_whose_reader_fails_is_replaced(testbed: NodeTestBed, fault: Fault) -> None:
    await testbed.connected()
    await testbed.event(ConnectionChanged, status=S.CONNECTED)  # what follows is looked for behind it
    first, before = testbed.workers.last, len(testbed.events)
    fault(worker_handle, "read_frame")
    first.report(INSTANCE, "disconnected")  # it is read once more, and then no more
    await testbed.event(ConnectionChanged, since=before, reason="worker_crashed")
    await testbed.status(S.CONNECTED)
    assert testbed.workers.last is not first


async def test_an_instance_whose_end_could_not_be_handled_reconnects(testbed: NodeTestBed, fault: Fault) -> None:
    await testbed.connected()
    await testbed.event(ConnectionChanged, status=S.CONNECTED)  # what follows is looked for behind it
    first, before = testbed.workers.last, len(testbed.events)
    fault(
        InstanceSupervisor,
        "on_worker_frame",
        1,
        lambda _, frame: isinstance(frame, ConnectionUpdate) and frame.event == "crashed",
    )
    first.die()
    await testbed.event(ConnectionChanged, since=before, reason="worker_crashed")
    await testbed.status(S.CONNECTED)
    assert testbed.workers.last is not first


async def test_an_instance_whose_next_start_fails_is_started_again(testbed: NodeTestBed, fault: Fault) -> None:
    await testbed.connected()
    await testbed.event(ConnectionChanged, status=S.CONNECTED)  # announced after it is written down
    first, before = testbed.workers.last, len(testbed.events)
    fault(InstanceSupervisor, "start")
    first.die()
    await testbed.event(ConnectionChanged, since=before, status=S.CONNECTED)
    assert testbed.workers.last is not first


async def test_a_zygote_whose_reader_fails_is_replaced(fault: Fault) -> None:
    async def environment() -> dict[str, str]:
        return dict(os.environ)

    forker = ZygoteHandle(environment)
    fault(zygote_handle, "read_frame")
    try:
        with pytest.raises(WorkerLost):
            await forker.fork("first")
        pid, connection = await forker.fork("second")
        assert pid
        connection.close()
    finally:
        await forker.stop()
