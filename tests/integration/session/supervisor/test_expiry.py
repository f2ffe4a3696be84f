"""A text waits at most as long as its sender said, wherever it waited; later it fails and is never sent."""

from datetime import timedelta

import pytest

from services.session.ipc.messages import Send, Start
from services.session.supervisor.sending import TOO_LATE
from shared.contracts.command_lifetimes import TEXT_TOO_LATE
from shared.contracts.commands import SEND_EXPIRY, SendText
from shared.contracts.events import ConnectionChanged, MessageFailed, MessageSent
from shared.contracts.message import utc_now
from shared.contracts.records import ConnectionStatus as S
from shared.platform.mongo import Database
from tests.fakes.workers import obedient
from tests.integration.session.supervisor.testbed import INSTANCE, NodeTestBed

BEFORE = timedelta(seconds=-1)


def late(bench: NodeTestBed, message_id: str = "m1") -> SendText:
    return bench.text(message_id, expires_at=utc_now() + BEFORE)


@pytest.mark.parametrize(
    ("age", "expires_in"), [(timedelta(), BEFORE), (SEND_EXPIRY, None), (timedelta(days=3), None)], ids=str
)
async def test_a_text_that_comes_too_late_is_not_sent(
    bench: NodeTestBed, age: timedelta, expires_in: timedelta | None
) -> None:
    """The session service was away: the command waited in its stream. Without an expiry it has an hour."""
    await bench.connected()
    now = utc_now()
    await bench.send(bench.text("m1", at=now - age, expires_at=expires_in and now + expires_in))
    failed = await bench.event(MessageFailed, message_id="m1")
    assert (failed.code, failed.unconfirmed) == ("too_late", False)
    assert bench.workers.last.sends() == []


async def test_a_text_in_time_is_sent_and_its_worker_knows_the_expiry(bench: NodeTestBed) -> None:
    await bench.connected()
    command = bench.text("m1", at=utc_now() - timedelta(hours=5), expires_at=utc_now() + timedelta(hours=1))
    await bench.send(command)
    await bench.event(MessageSent, message_id="m1")
    assert [send.expires_at for send in bench.workers.last.sends()] == [command.expires_at]


async def test_a_text_that_was_sent_in_time_stays_sent_when_it_is_redelivered_late(bench: NodeTestBed) -> None:
    await bench.connected()
    command = bench.text("m1")
    await bench.send(command)
    await bench.event(MessageSent, message_id="m1")
    await bench.send(command.model_copy(update={"expires_at": utc_now() + BEFORE}))
    assert [event for event in bench.events if isinstance(event, MessageFailed)] == []


async def test_a_text_of_which_nobody_knows_whether_it_went_is_not_called_too_late(
    bench: NodeTestBed, database: Database
) -> None:
    """`failed` would say that it can be sent again."""
    await bench.connected()
    intent = {"organization_id": bench.organization, "instance_id": INSTANCE, "at": utc_now()}
    await database["sends"].insert_one({"_id": "m1", **intent})
    await bench.send(late(bench))
    failed = await bench.event(MessageFailed, message_id="m1")
    assert (failed.code, failed.unconfirmed) == ("unconfirmed", True)


async def test_a_text_whose_time_ends_while_the_account_reconnects_fails(bench: NodeTestBed) -> None:
    await bench.connected()
    bench.workers.script = lambda worker, frame: None if isinstance(frame, Start) else obedient(worker, frame)
    bench.workers.last.change(INSTANCE, "disconnected")
    await bench.event(ConnectionChanged, status=S.RECONNECTING)
    await bench.send(late(bench))
    assert (await bench.event(MessageFailed, message_id="m1")).code == TOO_LATE["code"]
    assert not [frame for frame in bench.workers.last.sends() if isinstance(frame, Send)]


async def test_a_text_that_the_router_has_failed_is_not_sent_by_a_clock_that_is_behind(
    bench: NodeTestBed, database: Database
) -> None:
    """The router writes it where the intent to send would be: whoever is first decides."""
    await bench.connected()
    failed_there = {"organization_id": bench.organization, "instance_id": INSTANCE, "at": utc_now()}
    await database["sends"].insert_one({"_id": "m1", **failed_there, "outcome": TEXT_TOO_LATE})
    await bench.send(bench.text("m1", expires_at=utc_now() + timedelta(hours=1)))
    failed = await bench.event(MessageFailed, message_id="m1")
    assert (failed.code, failed.unconfirmed) == ("too_late", False)
    assert bench.workers.last.sends() == []
