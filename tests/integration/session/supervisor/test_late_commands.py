"""Commands that waited while the session service was stopped: outdated ones are not carried out."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.session.ipc.messages import SendReadReceipts
from services.session.store.connections import ConnectionCollection, ConnectionFields
from shared.contracts.command_lifetimes import LIFETIMES
from shared.contracts.commands import ConnectInstance, DisconnectInstance, LogoutInstance, MarkRead
from shared.contracts.events import CommandRefused, ConnectionChanged, MessageSent
from shared.contracts.instance_records import ConnectionRecord
from shared.contracts.message import Command, utc_now
from shared.contracts.records import ConnectionStatus as S
from shared.contracts.records import Party
from tests.fakes.workers import FakeWorker, obedient
from tests.integration.session.supervisor.testbed import INSTANCE, NodeTestBed

YESTERDAY = timedelta(days=1)


def aged(testbed: NodeTestBed, command: type[Command], age: timedelta, **fields: Any) -> Any:
    return command(organization_id=testbed.organization, instance_id=INSTANCE, at=utc_now() - age, **fields)


async def refused(testbed: NodeTestBed, command: Command) -> str:
    return (await testbed.event(CommandRefused, cause=command.id)).code


async def test_a_late_connect_shows_no_code_and_the_instance_says_why(testbed: NodeTestBed) -> None:
    assert testbed.node
    for method in ({"method": "qr"}, {"method": "code", "phone_number": "4915112345678"}):
        command = aged(testbed, ConnectInstance, YESTERDAY, **method)
        await testbed.node.commands.connect(command)
        assert await refused(testbed, command) == "too_late"
        changed = await testbed.event(ConnectionChanged, cause=command.id)
        assert (changed.status, changed.reason) == (S.DISCONNECTED, "connect_too_late")
    document = await testbed.document()
    assert (document["should_run"], document["reason"]) == (False, "connect_too_late")
    assert testbed.workers.starts() == []
    await testbed.connected()


async def test_a_connect_in_time_is_carried_out(testbed: NodeTestBed) -> None:
    limit = LIFETIMES[ConnectInstance].max_age
    assert testbed.node
    assert limit
    await testbed.node.commands.connect(aged(testbed, ConnectInstance, limit / 2))
    await testbed.status(S.CONNECTED)


async def test_a_late_connect_changes_nothing_of_a_connected_instance(testbed: NodeTestBed) -> None:
    await testbed.connected()
    assert testbed.node
    await testbed.node.commands.connect(late := aged(testbed, ConnectInstance, YESTERDAY))
    assert await refused(testbed, late) == "superseded"
    assert (await testbed.document())["status"] == S.CONNECTED


async def test_a_late_disconnect_is_carried_out(testbed: NodeTestBed) -> None:
    await testbed.connected()
    assert testbed.node
    instance = testbed.node._supervisor.get(INSTANCE)
    assert instance
    await testbed.node._supervisor._statuses.save(instance, asked_at=utc_now() - 2 * YESTERDAY)
    await testbed.node.commands.disconnect(aged(testbed, DisconnectInstance, YESTERDAY))
    await testbed.status(S.DISCONNECTED)


async def test_of_a_disconnect_and_a_later_connect_the_connect_wins_in_any_order(testbed: NodeTestBed) -> None:
    """Each class of commands has a queue of its own."""
    await testbed.connected()
    assert testbed.node
    await testbed.node.commands.disconnect(late := aged(testbed, DisconnectInstance, YESTERDAY))
    assert await refused(testbed, late) == "superseded"
    await testbed.restart_node()
    await testbed.status(S.CONNECTED)
    await testbed.node.commands.disconnect(again := aged(testbed, DisconnectInstance, YESTERDAY))
    assert await refused(testbed, again) == "superseded"


async def test_a_late_logout_unlinks_the_device_whatever_came_since(testbed: NodeTestBed) -> None:
    await testbed.connected()
    assert testbed.node
    await testbed.node.commands.logout(aged(testbed, LogoutInstance, YESTERDAY))
    await testbed.status(S.LOGGED_OUT)


@pytest.mark.parametrize(("age", "given"), [(timedelta(minutes=30), 1), (timedelta(minutes=61), 0), (YESTERDAY, 0)])
async def test_read_receipts_are_sent_for_an_hour(testbed: NodeTestBed, age: timedelta, given: int) -> None:
    await testbed.connected()
    assert testbed.node
    marks: list[SendReadReceipts] = []

    def noting(worker: FakeWorker, frame: Any) -> None:
        if isinstance(frame, SendReadReceipts):
            from services.session.ipc.messages import ReadReceiptsResult

            marks.append(frame)
            worker.send(ReadReceiptsResult(instance_id=frame.instance_id, call_id=frame.call_id))
        obedient(worker, frame)

    testbed.workers.script = noting
    command = aged(testbed, MarkRead, age, wa_ids=("A",), sender=Party(phone="4915112345678"))
    await testbed.node.presence.mark_read(command)
    assert len(marks) == given


async def test_a_caller_that_sees_an_instance_connected_in_mongodb_can_send(
    testbed: NodeTestBed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node writes the status there a moment before it sets it in memory."""
    written, may_return = asyncio.Event(), asyncio.Event()
    write = ConnectionCollection.write

    async def slow(self: ConnectionCollection, connection: ConnectionRecord, fields: ConnectionFields) -> bool:
        matched = await write(self, connection, fields)
        if fields.get("status") == S.CONNECTED:
            written.set()
            await may_return.wait()
        return matched

    monkeypatch.setattr(ConnectionCollection, "write", slow)
    await testbed.connect()
    async with asyncio.timeout(20):
        await written.wait()
        sending = asyncio.create_task(testbed.send(testbed.text("m1")))
        while not (testbed.node and testbed.node.sends._start_locks):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0)
        may_return.set()
        await sending
    await testbed.event(MessageSent, message_id="m1")
