"""Nothing of a deleted instance is left in memory."""

import pytest

from services.session.supervisor import event_publisher
from shared.contracts.commands import LogoutInstance
from shared.contracts.events import ConnectionChanged, MessageSent
from shared.contracts.records import ConnectionStatus as S
from tests.integration.session.supervisor.testbed import NodeTestBed
from tests.waiting import until


async def test_deleted_instances_leave_no_queues_locks_and_tasks(
    testbed: NodeTestBed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_publisher, "QUEUE_IDLE_TIMEOUT_S", 0.5)
    node = testbed.node
    assert node
    names = [f"i{number}" for number in range(3)]
    for name in names:
        await testbed.connected(name)
        await testbed.send(testbed.text(f"to-{name}").model_copy(update={"instance_id": name}))
        await testbed.event(MessageSent, message_id=f"to-{name}")
        await node.commands.logout(LogoutInstance(organization_id=testbed.organization, instance_id=name, delete=True))
        await testbed.event(ConnectionChanged, instance_id=name, status=S.LOGGED_OUT)

    def left() -> list[object]:
        collections = (
            node._supervisor._instances,
            node._events._queues,
            node._events._tasks,
            node._events._batches,
            node.sends._pending,
            dict(node.sends._start_locks),
            node._workers.calls._pending,
            [worker["instances"] for worker in node.workers() if worker["instances"]],
        )
        return [one for one in collections if one]

    try:
        await until(lambda: not left())
    except TimeoutError:
        pytest.fail(f"left: {left()}")
