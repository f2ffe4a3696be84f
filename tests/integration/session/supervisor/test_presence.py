"""Typing, presence and read receipts: to the worker of the instance, and from it to NATS."""

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


def mark_read(testbed: NodeTestBed, instance: str = INSTANCE, **more: object) -> MarkRead:
    return MarkRead.model_validate(
        {"organization_id": testbed.organization, "instance_id": instance, "wa_ids": ["A"], "sender": CONTACT, **more}
    )


def replying(error: str | None) -> Script:
    def script(worker: FakeWorker, frame: ToWorker) -> None:
        if isinstance(frame, SendReadReceipts):
            worker.send(ReadReceiptsResult(instance_id=frame.instance_id, call_id=frame.call_id, error=error))
        obedient(worker, frame)

    return script


async def ready(testbed: NodeTestBed) -> None:
    """Connected, and the node has set that in memory, a moment after MongoDB has it."""
    await testbed.connected()
    await testbed.event(ConnectionChanged, status=ConnectionStatus.CONNECTED)


async def frames_of(testbed: NodeTestBed, kind: type, count: int = 1) -> Sequence[object]:
    async with asyncio.timeout(10):
        while len(frames := [frame for frame in testbed.workers.last.frames if isinstance(frame, kind)]) < count:
            await asyncio.sleep(0.01)
    return frames


async def test_typing_reaches_the_worker_unless_it_is_stale_or_of_another_organization(testbed: NodeTestBed) -> None:
    await ready(testbed)
    assert testbed.node
    attending, mine = testbed.node.presence, testbed.organization
    late = utc_now() - MAX_EPHEMERAL_AGE - timedelta(seconds=1)
    attending.send_presence(SendTyping(organization_id=mine, instance_id=INSTANCE, to=CONTACT, at=late), "composing")
    attending.send_presence(SendTyping(organization_id="others", instance_id=INSTANCE, to=CONTACT), "composing")
    attending.send_presence(SendTyping(organization_id=mine, instance_id="other", to=CONTACT), "composing")
    wish = SubscribePresence(organization_id=mine, instance_id=INSTANCE, to=Party(phone="4915112345678"))
    attending.send_presence(wish, "subscribe")
    assert await frames_of(testbed, SendPresence) == [
        SendPresence(instance_id=INSTANCE, to="4915112345678", action="subscribe", until=wish.at + MAX_EPHEMERAL_AGE)
    ]


async def test_what_a_worker_observed_is_published_and_not_stored(testbed: NodeTestBed) -> None:
    await ready(testbed)
    received: asyncio.Queue[Msg] = asyncio.Queue()
    await testbed.client.subscribe(f"wa.live.*.*.{testbed.organization}.*", cb=received.put)
    seen = TypingObserved(organization_id=testbed.organization, instance_id=INSTANCE, sender=CONTACT, state="composing")
    stored = (await testbed.js.stream_info("WA_EVENTS")).state.last_seq
    testbed.workers.last.send(EphemeralObserved(instance_id=INSTANCE, subject="wa.live.typing.seen.a.b", body="{}"))
    testbed.workers.last.send(
        EphemeralObserved(instance_id=INSTANCE, subject=seen.full_subject, body=seen.model_dump_json())
    )
    async with asyncio.timeout(10):
        message = await received.get()
    assert parse_ephemeral(message.subject, message.data) == seen
    assert (await testbed.js.stream_info("WA_EVENTS", subjects_filter=seen.full_subject)).state.subjects is None
    assert stored


async def test_read_receipts_are_addressed_by_lid_where_it_is_known(testbed: NodeTestBed) -> None:
    testbed.workers.script = replying(None)
    await ready(testbed)
    assert testbed.node
    await testbed.node.presence.mark_read(mark_read(testbed))
    (request,) = await frames_of(testbed, SendReadReceipts)
    assert isinstance(request, SendReadReceipts)
    assert request == SendReadReceipts(instance_id=INSTANCE, call_id=request.call_id, wa_ids=("A",), sender="77@lid")


async def test_read_receipts_that_could_not_be_sent_are_retried_for_an_hour(testbed: NodeTestBed) -> None:
    testbed.workers.script = replying("no")
    await ready(testbed)
    assert testbed.node
    with pytest.raises(Retry, match="no"):
        await testbed.node.presence.mark_read(mark_read(testbed))
    await testbed.node.presence.mark_read(mark_read(testbed, at=utc_now() - timedelta(hours=2)))


async def test_read_receipts_are_retried_when_the_worker_dies(testbed: NodeTestBed) -> None:
    await ready(testbed)
    assert testbed.node
    giving = asyncio.create_task(testbed.node.presence.mark_read(mark_read(testbed)))
    await frames_of(testbed, SendReadReceipts)
    testbed.workers.last.die()
    with pytest.raises(Retry, match="worker process ended"):
        await giving


async def test_read_receipts_do_not_wait_for_an_instance_that_is_not_to_run(testbed: NodeTestBed) -> None:
    await ready(testbed)
    await testbed.disconnect()
    await testbed.create_instance("nobody")
    assert testbed.node
    await testbed.node.presence.mark_read(mark_read(testbed))
    await testbed.node.presence.mark_read(mark_read(testbed, "nobody", at=utc_now() - timedelta(minutes=2)))
    with pytest.raises(Retry, match="no node holds"):
        await testbed.node.presence.mark_read(mark_read(testbed, "nobody"))
    assert not [frame for frame in testbed.workers.last.frames if isinstance(frame, SendReadReceipts)]
