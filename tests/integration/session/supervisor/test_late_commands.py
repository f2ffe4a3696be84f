"""Commands that waited while the session service was stopped: what nobody wants any more is not done."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.session.ipc.messages import SendReadReceipts
from services.session.store.connections import ConnectionCollection, OwnedConnection
from shared.contracts.command_lifetimes import LIFETIMES
from shared.contracts.commands import ConnectInstance, DisconnectInstance, LogoutInstance, MarkRead
from shared.contracts.events import CommandRefused, ConnectionChanged, MessageSent
from shared.contracts.message import Command, utc_now
from shared.contracts.records import ConnectionStatus as S
from shared.contracts.records import Party
from tests.fakes.workers import FakeWorker, obedient
from tests.integration.session.supervisor.testbed import INSTANCE, NodeTestBed

YESTERDAY = timedelta(days=1)


def asked(bench: NodeTestBed, command: type[Command], age: timedelta, **fields: Any) -> Any:
    return command(organization_id=bench.organization, instance_id=INSTANCE, at=utc_now() - age, **fields)


async def refused(bench: NodeTestBed, command: Command) -> str:
    return (await bench.event(CommandRefused, cause=command.id)).code


async def test_a_connect_of_yesterday_shows_no_code_and_the_instance_says_why(bench: NodeTestBed) -> None:
    assert bench.node
    for method in ({"method": "qr"}, {"method": "code", "phone_number": "4915112345678"}):
        command = asked(bench, ConnectInstance, YESTERDAY, **method)
        await bench.node.commands.connect(command)
        assert await refused(bench, command) == "too_late"
        shown = await bench.event(ConnectionChanged, cause=command.id)
        assert (shown.status, shown.reason) == (S.DISCONNECTED, "connect_too_late")
    found = await bench.document()
    assert (found["should_run"], found["reason"]) == (False, "connect_too_late")
    assert bench.workers.starts() == []
    await bench.connected()


async def test_a_connect_in_time_is_done(bench: NodeTestBed) -> None:
    limit = LIFETIMES[ConnectInstance].max_age
    assert bench.node
    assert limit
    await bench.node.commands.connect(asked(bench, ConnectInstance, limit / 2))
    await bench.status(S.CONNECTED)


async def test_a_late_connect_changes_nothing_of_an_account_that_runs(bench: NodeTestBed) -> None:
    await bench.connected()
    assert bench.node
    await bench.node.commands.connect(late := asked(bench, ConnectInstance, YESTERDAY))
    assert await refused(bench, late) == "superseded"
    assert (await bench.document())["status"] == S.CONNECTED


async def test_a_disconnect_of_yesterday_is_done(bench: NodeTestBed) -> None:
    await bench.connected()
    assert bench.node
    account = bench.node._supervisor.get(INSTANCE)
    assert account
    await bench.node._supervisor._statuses.save(account, asked_at=utc_now() - 2 * YESTERDAY)
    await bench.node.commands.disconnect(asked(bench, DisconnectInstance, YESTERDAY))
    await bench.status(S.DISCONNECTED)


async def test_of_a_disconnect_and_a_later_connect_the_connect_counts_in_any_order(bench: NodeTestBed) -> None:
    """Each kind of command waits in a queue of its own."""
    await bench.connected()
    assert bench.node
    await bench.node.commands.disconnect(late := asked(bench, DisconnectInstance, YESTERDAY))
    assert await refused(bench, late) == "superseded"
    await bench.restart_node()
    await bench.status(S.CONNECTED)
    await bench.node.commands.disconnect(again := asked(bench, DisconnectInstance, YESTERDAY))
    assert await refused(bench, again) == "superseded"


async def test_a_logout_of_yesterday_unlinks_the_device_whatever_came_since(bench: NodeTestBed) -> None:
    await bench.connected()
    assert bench.node
    await bench.node.commands.logout(asked(bench, LogoutInstance, YESTERDAY))
    await bench.status(S.LOGGED_OUT)


@pytest.mark.parametrize(("age", "given"), [(timedelta(minutes=30), 1), (timedelta(minutes=61), 0), (YESTERDAY, 0)])
async def test_read_ticks_are_given_for_an_hour(bench: NodeTestBed, age: timedelta, given: int) -> None:
    await bench.connected()
    assert bench.node
    marks: list[SendReadReceipts] = []

    def noting(worker: FakeWorker, frame: Any) -> None:
        if isinstance(frame, SendReadReceipts):
            from services.session.ipc.messages import ReadReceiptsResult

            marks.append(frame)
            worker.say(ReadReceiptsResult(instance_id=frame.instance_id, call_id=frame.call_id))
        obedient(worker, frame)

    bench.workers.script = noting
    command = asked(bench, MarkRead, age, wa_ids=("A",), sender=Party(phone="4915112345678"))
    await bench.node.presence.mark_read(command)
    assert len(marks) == given


async def test_who_reads_in_mongodb_that_an_account_is_connected_can_send(
    bench: NodeTestBed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node writes the state there a moment before it counts for itself."""
    written, known = asyncio.Event(), asyncio.Event()
    write = ConnectionCollection.write

    async def slow(self: ConnectionCollection, held: OwnedConnection, fields: dict[str, Any]) -> bool:
        done = await write(self, held, fields)
        if fields.get("status") == S.CONNECTED:
            written.set()
            await known.wait()
        return done

    monkeypatch.setattr(ConnectionCollection, "write", slow)
    await bench.connect()
    async with asyncio.timeout(20):
        await written.wait()
        sending = asyncio.create_task(bench.send(bench.text("m1")))
        while not (bench.node and bench.node.sends._start_locks):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0)
        known.set()
        await sending
    await bench.event(MessageSent, message_id="m1")
