"""A text that expires fails and is never sent, wherever it waited."""

from datetime import timedelta

import pytest

from services.session.ipc.messages import Send, Start
from shared.contracts.commands import SEND_EXPIRY, SendText
from shared.contracts.events import ConnectionChanged, MessageFailed, MessageSent
from shared.contracts.message import utc_now
from shared.contracts.records import ConnectionStatus as S
from shared.contracts.send_outcome import TEXT_TOO_LATE
from shared.platform.mongo import Database
from tests.fakes.workers import obedient
from tests.integration.session.supervisor.testbed import INSTANCE, NodeTestBed

BEFORE = timedelta(seconds=-1)


def late(testbed: NodeTestBed, message_id: str = "m1") -> SendText:
    return testbed.text(message_id, expires_at=utc_now() + BEFORE)


@pytest.mark.parametrize(
    ("age", "expires_in"), [(timedelta(), BEFORE), (SEND_EXPIRY, None), (timedelta(days=3), None)], ids=str
)
async def test_a_text_that_comes_too_late_is_not_sent(
    testbed: NodeTestBed, age: timedelta, expires_in: timedelta | None
) -> None:
    """The session service was away: the command waited in its stream. Without an expiry it has an hour."""
    await testbed.connected()
    now = utc_now()
    await testbed.send(testbed.text("m1", at=now - age, expires_at=expires_in and now + expires_in))
    failed = await testbed.event(MessageFailed, message_id="m1")
    assert (failed.code, failed.unconfirmed) == ("too_late", False)
    assert testbed.workers.last.sends() == []


async def test_a_text_in_time_is_sent_and_its_worker_gets_the_expiry(testbed: NodeTestBed) -> None:
    await testbed.connected()
    command = testbed.text("m1", at=utc_now() - timedelta(hours=5), expires_at=utc_now() + timedelta(hours=1))
    await testbed.send(command)
    await testbed.event(MessageSent, message_id="m1")
    assert [send.expires_at for send in testbed.workers.last.sends()] == [command.expires_at]


async def test_a_text_that_was_sent_in_time_stays_sent_when_it_is_redelivered_late(testbed: NodeTestBed) -> None:
    await testbed.connected()
    command = testbed.text("m1")
    await testbed.send(command)
    await testbed.event(MessageSent, message_id="m1")
    await testbed.send(command.model_copy(update={"expires_at": utc_now() + BEFORE}))
    assert [event for event in testbed.events if isinstance(event, MessageFailed)] == []


async def test_a_text_that_may_have_gone_out_does_not_fail_as_too_late(
    testbed: NodeTestBed, database: Database
) -> None:
    """`failed` would say that it can be sent again."""
    await testbed.connected()
    intent = {"organization_id": testbed.organization, "instance_id": INSTANCE, "at": utc_now()}
    await database["sends"].insert_one({"_id": "m1", **intent})
    await testbed.send(late(testbed))
    failed = await testbed.event(MessageFailed, message_id="m1")
    assert (failed.code, failed.unconfirmed) == ("unconfirmed", True)


async def test_a_text_that_expires_while_the_instance_reconnects_fails(testbed: NodeTestBed) -> None:
    await testbed.connected()
    testbed.workers.script = lambda worker, frame: None if isinstance(frame, Start) else obedient(worker, frame)
    testbed.workers.last.report(INSTANCE, "disconnected")
    await testbed.event(ConnectionChanged, status=S.RECONNECTING)
    await testbed.send(late(testbed))
    assert (await testbed.event(MessageFailed, message_id="m1")).code == TEXT_TOO_LATE["code"]
    assert not [frame for frame in testbed.workers.last.sends() if isinstance(frame, Send)]


async def test_a_text_that_the_router_failed_is_not_sent_by_a_node_whose_clock_is_behind(
    testbed: NodeTestBed, database: Database
) -> None:
    """The router writes it where the intent to send would be: whoever is first decides."""
    await testbed.connected()
    failed_there = {"organization_id": testbed.organization, "instance_id": INSTANCE, "at": utc_now()}
    await database["sends"].insert_one({"_id": "m1", **failed_there, "outcome": TEXT_TOO_LATE})
    await testbed.send(testbed.text("m1", expires_at=utc_now() + timedelta(hours=1)))
    failed = await testbed.event(MessageFailed, message_id="m1")
    assert (failed.code, failed.unconfirmed) == ("too_late", False)
    assert testbed.workers.last.sends() == []
