"""What is to run runs again: after a restart, after the death of a worker, after a lost lease."""

from shared.contracts.events import ConnectionChanged
from shared.contracts.records import ConnectionStatus as S
from tests.integration.session.supervisor.testbed import INSTANCE, NodeTestBed


async def test_every_instance_reconnects_after_a_restart_without_a_scan(testbed: NodeTestBed) -> None:
    for instance in ("a", "b", "c"):
        await testbed.connected(instance)
    await testbed.restart_node()
    for instance in ("a", "b", "c"):
        await testbed.status(S.CONNECTED, instance)
    (worker,) = testbed.workers.all[1:]
    assert {start.instance_id: start.linked for start in worker.starts()} == {"a": True, "b": True, "c": True}
    assert {(await testbed.document(instance))["epoch"] for instance in ("a", "b", "c")} == {2}


async def test_a_disconnected_instance_stays_disconnected_after_a_restart(testbed: NodeTestBed) -> None:
    await testbed.connected()
    await testbed.connected("other")
    await testbed.disconnect()
    await testbed.status(S.DISCONNECTED)
    await testbed.restart_node()
    await testbed.status(S.CONNECTED, "other")
    assert [start.instance_id for start in testbed.workers.last.starts()] == ["other"]


async def test_instances_of_a_dead_worker_reconnect_in_another(testbed: NodeTestBed) -> None:
    await testbed.connected()
    dead = testbed.workers.last
    dead.die()
    lost = await testbed.event(ConnectionChanged, status=S.RECONNECTING, reason="worker_crashed")
    assert lost.will_retry
    await testbed.event(ConnectionChanged, since=testbed.events.index(lost), status=S.CONNECTED)
    assert testbed.workers.last is not dead
    assert testbed.node
    (worker,) = testbed.node.workers()
    assert (worker["pid"], worker["instances"]) == (testbed.workers.last.pid, [INSTANCE])


async def test_an_unlinked_instance_is_not_started_again(testbed: NodeTestBed) -> None:
    await testbed.connected()
    testbed.workers.last.report(INSTANCE, "logged_out", reason="logged_out")
    gone = await testbed.status(S.LOGGED_OUT)
    assert (gone["should_run"], gone["jid"], gone["reason"]) == (False, None, "logged_out")
    await testbed.restart_node()
    await testbed.connected("other")
    assert INSTANCE not in {start.instance_id for start in testbed.workers.last.starts()}


async def test_a_lost_lease_closes_every_connection_until_it_is_regained(testbed: NodeTestBed) -> None:
    await testbed.connected()
    assert testbed.node
    lease = testbed.node.lease
    lease.give_up()
    closed = await testbed.event(ConnectionChanged, status=S.RECONNECTING, reason="lease_lost")
    await lease._renew()
    await testbed.event(ConnectionChanged, since=testbed.events.index(closed), status=S.CONNECTED)
    assert (await testbed.document())["epoch"] == 2
