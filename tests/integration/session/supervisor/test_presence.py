"""Typing, presence and read ticks: to the worker that has the account, and out to whom it concerns."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest
from nats.aio.msg import Msg

from services.session.ipc.messages import (
    EphemeralObserved,
    ReadReceiptsResult,
    SendPresence,
    SendReadReceipts,
    ToWorker,
)
from shared.contracts.commands import MarkRead
from shared.contracts.ephemeral import MAX_EPHEMERAL_AGE, SendTyping, SubscribePresence, TypingObserved
from shared.contracts.errors import Retry
from shared.contracts.events import ConnectionChanged
from shared.contracts.message import utc_now
from shared.contracts.records import ConnectionStatus, Party
from shared.contracts.registry import parse_ephemeral
from tests.fakes.workers import FakeWorker, Script, obedient
from tests.integration.session.supervisor.testbed import INSTANCE, NodeTestBed

CONTACT = Party(phone="4915112345678", lid="77")


def mark(bench: NodeTestBed, instance: str = INSTANCE, **more: object) -> MarkRead:
    return MarkRead.model_validate(
        {"organization_id": bench.organization, "instance_id": instance, "wa_ids": ["A"], "sender": CONTACT, **more}
    )


def marking(error: str | None) -> Script:
    def script(worker: FakeWorker, frame: ToWorker) -> None:
        if isinstance(frame, SendReadReceipts):
            worker.say(ReadReceiptsResult(instance_id=frame.instance_id, call_id=frame.call_id, error=error))
        obedient(worker, frame)

    return script


async def ready(bench: NodeTestBed) -> None:
    """The node itself knows it, which is a moment after MongoDB says so."""
    await bench.connected()
    await bench.event(ConnectionChanged, status=ConnectionStatus.CONNECTED)


async def told(bench: NodeTestBed, kind: type, count: int = 1) -> Sequence[object]:
    async with asyncio.timeout(10):
        while len(found := [frame for frame in bench.workers.last.told if isinstance(frame, kind)]) < count:
            await asyncio.sleep(0.01)
    return found


async def test_typing_reaches_the_worker_and_nothing_that_is_late_or_of_others(bench: NodeTestBed) -> None:
    await ready(bench)
    assert bench.node
    attending, mine = bench.node.presence, bench.organization
    late = utc_now() - MAX_EPHEMERAL_AGE - timedelta(seconds=1)
    attending.send_presence(SendTyping(organization_id=mine, instance_id=INSTANCE, to=CONTACT, at=late), "composing")
    attending.send_presence(SendTyping(organization_id="others", instance_id=INSTANCE, to=CONTACT), "composing")
    attending.send_presence(SendTyping(organization_id=mine, instance_id="other", to=CONTACT), "composing")
    wish = SubscribePresence(organization_id=mine, instance_id=INSTANCE, to=Party(phone="4915112345678"))
    attending.send_presence(wish, "subscribe")
    assert await told(bench, SendPresence) == [
        SendPresence(instance_id=INSTANCE, to="4915112345678", action="subscribe", until=wish.at + MAX_EPHEMERAL_AGE)
    ]


async def test_what_a_worker_noticed_is_heard_on_nats_and_is_in_no_stream(bench: NodeTestBed) -> None:
    await ready(bench)
    heard: asyncio.Queue[Msg] = asyncio.Queue()
    await bench.client.subscribe(f"wa.live.*.*.{bench.organization}.*", cb=heard.put)
    seen = TypingObserved(organization_id=bench.organization, instance_id=INSTANCE, sender=CONTACT, state="composing")
    stored = (await bench.js.stream_info("WA_EVENTS")).state.last_seq
    bench.workers.last.say(EphemeralObserved(instance_id=INSTANCE, subject="wa.live.typing.seen.a.b", body="{}"))
    bench.workers.last.say(
        EphemeralObserved(instance_id=INSTANCE, subject=seen.full_subject, body=seen.model_dump_json())
    )
    async with asyncio.timeout(10):
        message = await heard.get()
    assert parse_ephemeral(message.subject, message.data) == seen
    assert (await bench.js.stream_info("WA_EVENTS", subjects_filter=seen.full_subject)).state.subjects is None
    assert stored


async def test_read_ticks_are_given_by_lid_where_it_is_known(bench: NodeTestBed) -> None:
    bench.workers.script = marking(None)
    await ready(bench)
    assert bench.node
    await bench.node.presence.mark_read(mark(bench))
    (request,) = await told(bench, SendReadReceipts)
    assert isinstance(request, SendReadReceipts)
    assert request == SendReadReceipts(instance_id=INSTANCE, call_id=request.call_id, wa_ids=("A",), sender="77@lid")


async def test_read_ticks_that_could_not_be_given_are_tried_again_for_an_hour(bench: NodeTestBed) -> None:
    bench.workers.script = marking("no")
    await ready(bench)
    assert bench.node
    with pytest.raises(Retry, match="no"):
        await bench.node.presence.mark_read(mark(bench))
    await bench.node.presence.mark_read(mark(bench, at=utc_now() - timedelta(hours=2)))


async def test_a_worker_that_dies_leaves_the_read_ticks_to_be_tried_again(bench: NodeTestBed) -> None:
    await ready(bench)
    assert bench.node
    giving = asyncio.create_task(bench.node.presence.mark_read(mark(bench)))
    await told(bench, SendReadReceipts)
    bench.workers.last.die()
    with pytest.raises(Retry, match="worker process ended"):
        await giving


async def test_read_ticks_wait_for_no_account_that_is_not_to_run(bench: NodeTestBed) -> None:
    await ready(bench)
    await bench.disconnect()
    await bench.create("nobody")
    assert bench.node
    await bench.node.presence.mark_read(mark(bench))
    await bench.node.presence.mark_read(mark(bench, "nobody", at=utc_now() - timedelta(minutes=2)))
    with pytest.raises(Retry, match="no node holds"):
        await bench.node.presence.mark_read(mark(bench, "nobody"))
    assert not [frame for frame in bench.workers.last.told if isinstance(frame, SendReadReceipts)]
