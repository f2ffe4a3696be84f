"""Nothing is sent twice, and the outcome of every send is published."""

import asyncio
from datetime import timedelta

import pytest

from services.session.ipc.messages import Send, Start, ToWorker
from services.session.supervisor.reconciler import Reconciler
from services.session.supervisor.worker_calls import NoWorker
from shared.contracts.errors import Retry
from shared.contracts.events import ConnectionChanged, MessageFailed, MessageSent
from shared.contracts.message import utc_now
from shared.contracts.records import ConnectionStatus as S
from shared.platform.mongo import Database
from tests.fakes.workers import FakeWorker, obedient
from tests.integration.session.supervisor.testbed import INSTANCE, NodeTestBed
from tests.waiting import until


def never_replies(worker: FakeWorker, frame: ToWorker) -> None:
    """Gets a send and never replies."""
    if not isinstance(frame, Send):
        obedient(worker, frame)


async def until_sent(testbed: NodeTestBed) -> None:
    await until(lambda: testbed.workers.last.sends())


async def test_a_redelivered_send_repeats_its_outcome_and_not_the_send(testbed: NodeTestBed) -> None:
    await testbed.connected()
    command = testbed.text("m1")
    await testbed.send(command)
    sent = await testbed.event(MessageSent, message_id="m1", cause=command.id)
    await testbed.restart_node()
    await testbed.status(S.CONNECTED)
    count = testbed.events.count(sent)
    await testbed.send(command)
    assert testbed.workers.last.sends() == []
    again = await testbed.event(MessageFailed, message_id="m1")
    assert (count, again.unconfirmed) == (1, True)
    assert again.deduplication_id == sent.deduplication_id  # the stream drops the second


async def test_an_outcome_that_nats_did_not_store_is_stored_and_repeated(
    testbed: NodeTestBed, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await testbed.connected()
    assert testbed.node

    async def publish(_event: object) -> None:
        raise ConnectionError("NATS is not reachable")

    monkeypatch.setattr(testbed.node.sends, "_publish", publish)
    command = testbed.text("m1")
    with pytest.raises(ConnectionError):
        await testbed.send(command)
    stored = await database["sends"].find_one({"_id": "m1"})
    assert stored
    assert stored["outcome"]["outcome"] == "accepted"
    await testbed.restart_node()
    await testbed.status(S.CONNECTED)
    await testbed.send(command)
    await testbed.event(MessageSent, message_id="m1", wa_id=stored["outcome"]["wa_id"])
    assert testbed.workers.last.sends() == []


async def test_a_redelivered_send_waits_for_the_pending_one(testbed: NodeTestBed) -> None:
    testbed.workers.script = never_replies
    await testbed.connected()
    command = testbed.text("m1")
    first = asyncio.create_task(testbed.send(command))
    await until_sent(testbed)
    second = asyncio.create_task(testbed.send(command))
    obedient(testbed.workers.last, testbed.workers.last.sends()[0])
    await asyncio.gather(first, second)
    assert len(testbed.workers.last.sends()) == 1
    await testbed.event(MessageSent, message_id="m1")


async def test_a_worker_that_dies_while_sending_leaves_the_send_unconfirmed(testbed: NodeTestBed) -> None:
    testbed.workers.script = never_replies
    await testbed.connected()
    sending = asyncio.create_task(testbed.send(testbed.text("m1")))
    await until_sent(testbed)
    testbed.workers.last.die()
    await sending
    failed = await testbed.event(MessageFailed, message_id="m1")
    assert (failed.code, failed.unconfirmed) == ("unconfirmed", True)


async def test_an_intent_without_an_outcome_is_never_sent_again(testbed: NodeTestBed, database: Database) -> None:
    await testbed.connected()
    intent = {"organization_id": testbed.organization, "instance_id": INSTANCE, "at": utc_now()}
    await database["sends"].insert_one({"_id": "m1", **intent})
    await testbed.send(testbed.text("m1"))
    failed = await testbed.event(MessageFailed, message_id="m1")
    assert (failed.code, failed.unconfirmed) == ("unconfirmed", True)
    assert testbed.workers.last.sends() == []


async def test_a_send_of_an_instance_that_is_not_connected_fails_at_once(testbed: NodeTestBed) -> None:
    await testbed.send(testbed.text("m1"))
    failed = await testbed.event(MessageFailed, message_id="m1")
    assert (failed.code, failed.unconfirmed) == ("not_connected", False)


async def test_a_send_waits_for_a_reconnecting_instance_and_then_fails(testbed: NodeTestBed) -> None:
    await testbed.connected()
    testbed.workers.script = lambda worker, frame: None if isinstance(frame, Start) else obedient(worker, frame)
    testbed.workers.last.report(INSTANCE, "disconnected")
    await testbed.event(ConnectionChanged, status=S.RECONNECTING)
    with pytest.raises(Retry, match="reconnected"):
        await testbed.send(testbed.text("m1"))
    await testbed.send(testbed.text("m1", at=utc_now() - timedelta(minutes=1)))
    failed = await testbed.event(MessageFailed, message_id="m1")
    assert (failed.code, failed.unconfirmed) == ("not_connected", False)


async def test_a_send_waits_until_a_node_that_has_just_started_has_read_what_is_to_run(
    testbed: NodeTestBed, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def not_yet(_reconciler: Reconciler) -> None:
        pass

    await testbed.connected()
    monkeypatch.setattr(Reconciler, "_reconcile", not_yet)
    await testbed.restart_node()
    command = testbed.text("m1")
    with pytest.raises(Retry, match="reconnected"):
        await testbed.send(command)
    await testbed.send(testbed.text("m2", at=utc_now() - timedelta(minutes=1)))
    assert (await testbed.event(MessageFailed, message_id="m2")).code == "not_connected"
    monkeypatch.undo()
    assert testbed.node
    testbed.node._reconciler.wake_up()
    await testbed.status(S.CONNECTED)
    await testbed.send(command)
    await testbed.event(MessageSent, message_id="m1", cause=command.id)


async def test_a_send_that_finds_no_worker_waits_for_the_next_one_and_is_sent_once(
    testbed: NodeTestBed, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(*_arguments: object) -> None:
        raise NoWorker("it exited")

    await testbed.connected()
    assert testbed.node
    command = testbed.text("m1")
    monkeypatch.setattr(testbed.node.sends._workers, "call", call)
    with pytest.raises(Retry, match="ended"):
        await testbed.send(command)
    assert await database["sends"].find_one({"_id": "m1"}) is None
    monkeypatch.undo()
    await testbed.send(command)
    await testbed.event(MessageSent, message_id="m1", cause=command.id)
    assert len(testbed.workers.last.sends()) == 1
