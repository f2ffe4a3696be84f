"""Nothing is sent twice, and every send has an outcome that is told."""

import asyncio
from datetime import timedelta

import pytest

from services.session.ipc.messages import Send, Start, ToWorker
from shared.contracts.errors import Retry
from shared.contracts.events import ConnectionChanged, MessageFailed, MessageSent
from shared.contracts.message import utc_now
from shared.contracts.records import ConnectionStatus as S
from shared.platform.mongo import Database
from tests.fakes.workers import FakeWorker, obedient
from tests.integration.session.supervisor.testbed import INSTANCE, NodeTestBed


def silent(worker: FakeWorker, frame: ToWorker) -> None:
    """Takes a send and never says what became of it."""
    if not isinstance(frame, Send):
        obedient(worker, frame)


async def until_sent(bench: NodeTestBed) -> None:
    async with asyncio.timeout(10):
        while not bench.workers.last.sends():
            await asyncio.sleep(0.01)


async def test_a_redelivered_send_repeats_its_outcome_and_not_the_send(bench: NodeTestBed) -> None:
    await bench.connected()
    command = bench.text("m1")
    await bench.send(command)
    sent = await bench.event(MessageSent, message_id="m1", cause=command.id)
    await bench.restart_node()
    await bench.status(S.CONNECTED)
    told = bench.events.count(sent)
    await bench.send(command)
    assert bench.workers.last.sends() == []
    again = [event for event in bench.events if isinstance(event, MessageSent)]
    assert (told, {event.id for event in again}) == (1, {sent.id})


async def test_a_send_under_way_is_waited_for_by_its_redelivery(bench: NodeTestBed) -> None:
    bench.workers.script = silent
    await bench.connected()
    command = bench.text("m1")
    first = asyncio.create_task(bench.send(command))
    await until_sent(bench)
    second = asyncio.create_task(bench.send(command))
    obedient(bench.workers.last, bench.workers.last.sends()[0])
    await asyncio.gather(first, second)
    assert len(bench.workers.last.sends()) == 1
    await bench.event(MessageSent, message_id="m1")


async def test_a_worker_that_dies_while_sending_leaves_the_send_unconfirmed(bench: NodeTestBed) -> None:
    bench.workers.script = silent
    await bench.connected()
    sending = asyncio.create_task(bench.send(bench.text("m1")))
    await until_sent(bench)
    bench.workers.last.die()
    await sending
    failed = await bench.event(MessageFailed, message_id="m1")
    assert (failed.code, failed.unconfirmed) == ("unconfirmed", True)


async def test_an_intent_without_an_outcome_is_never_sent_again(bench: NodeTestBed, database: Database) -> None:
    await bench.connected()
    intent = {"organization_id": bench.organization, "instance_id": INSTANCE, "at": utc_now()}
    await database["sends"].insert_one({"_id": "m1", **intent})
    await bench.send(bench.text("m1"))
    failed = await bench.event(MessageFailed, message_id="m1")
    assert (failed.code, failed.unconfirmed) == ("unconfirmed", True)
    assert bench.workers.last.sends() == []


async def test_a_send_of_an_account_that_is_not_connected_fails_at_once(bench: NodeTestBed) -> None:
    await bench.send(bench.text("m1"))
    failed = await bench.event(MessageFailed, message_id="m1")
    assert (failed.code, failed.unconfirmed) == ("not_connected", False)


async def test_a_send_waits_for_an_account_on_its_way_back_and_then_fails(bench: NodeTestBed) -> None:
    await bench.connected()
    bench.workers.script = lambda worker, frame: None if isinstance(frame, Start) else obedient(worker, frame)
    bench.workers.last.change(INSTANCE, "disconnected")
    await bench.event(ConnectionChanged, status=S.RECONNECTING)
    with pytest.raises(Retry, match="reconnected"):
        await bench.send(bench.text("m1"))
    await bench.send(bench.text("m1", at=utc_now() - timedelta(minutes=1)))
    failed = await bench.event(MessageFailed, message_id="m1")
    assert (failed.code, failed.unconfirmed) == ("not_connected", False)
