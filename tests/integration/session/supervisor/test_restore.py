"""What should run, runs: after a restart, after the death of a worker, after a lost lease."""

from shared.contracts.events import ConnectionChanged
from shared.contracts.records import ConnectionStatus as S
from tests.integration.session.supervisor.testbed import INSTANCE, NodeTestBed


async def test_every_account_comes_back_after_a_restart_without_a_scan(bench: NodeTestBed) -> None:
    for instance in ("a", "b", "c"):
        await bench.connected(instance)
    await bench.restart_node()
    for instance in ("a", "b", "c"):
        await bench.status(S.CONNECTED, instance)
    (worker,) = bench.workers.all[1:]
    assert {start.instance_id: start.linked for start in worker.starts()} == {"a": True, "b": True, "c": True}
    assert {(await bench.document(instance))["epoch"] for instance in ("a", "b", "c")} == {2}


async def test_what_was_disconnected_stays_so_after_a_restart(bench: NodeTestBed) -> None:
    await bench.connected()
    await bench.connected("other")
    await bench.disconnect()
    await bench.status(S.DISCONNECTED)
    await bench.restart_node()
    await bench.status(S.CONNECTED, "other")
    assert [start.instance_id for start in bench.workers.last.starts()] == ["other"]


async def test_accounts_of_a_dead_worker_come_back_in_another(bench: NodeTestBed) -> None:
    await bench.connected()
    dead = bench.workers.last
    dead.die()
    lost = await bench.event(ConnectionChanged, status=S.RECONNECTING, reason="worker_crashed")
    assert lost.will_retry
    await bench.event(ConnectionChanged, since=bench.events.index(lost), status=S.CONNECTED)
    assert bench.workers.last is not dead
    assert bench.node
    (worker,) = bench.node.workers()
    assert (worker["pid"], worker["instances"]) == (bench.workers.last.pid, [INSTANCE])


async def test_an_unlinked_account_is_not_tried_again(bench: NodeTestBed) -> None:
    await bench.connected()
    bench.workers.last.change(INSTANCE, "logged_out", reason="logged_out")
    gone = await bench.status(S.LOGGED_OUT)
    assert (gone["should_run"], gone["jid"], gone["reason"]) == (False, None, "logged_out")
    await bench.restart_node()
    await bench.connected("other")
    assert INSTANCE not in {start.instance_id for start in bench.workers.last.starts()}


async def test_a_lost_lease_closes_every_connection_until_it_is_back(bench: NodeTestBed) -> None:
    await bench.connected()
    assert bench.node
    lease = bench.node.lease
    lease.give_up()
    closed = await bench.event(ConnectionChanged, status=S.RECONNECTING, reason="lease_lost")
    await lease._renew()
    await bench.event(ConnectionChanged, since=bench.events.index(closed), status=S.CONNECTED)
    assert (await bench.document())["epoch"] == 2
