"""What workers hand over reaches the stream, or the dead letters, before they forget it."""

import asyncio
import base64

from shared.contracts.events import MessageReceived
from shared.contracts.message import utc_now
from shared.contracts.records import Party
from shared.contracts.registry import DEAD_PREFIX, MAX_MESSAGE_BYTES
from tests.fakes.workers import FakeWorker
from tests.integration.session.supervisor.testbed import INSTANCE, NodeTestBed


def received(bench: NodeTestBed, wa_id: str, text: str = "hello") -> MessageReceived:
    party = Party(phone="4915199999999")
    return MessageReceived(
        id=f"m-{bench.organization}-{wa_id}",
        organization_id=bench.organization,
        instance_id=INSTANCE,
        wa_id=wa_id,
        sender=party,
        chat=party,
        text=text,
        timestamp=utc_now(),
    )


async def until_confirmed(worker: FakeWorker, sequence: int) -> None:
    async with asyncio.timeout(15):
        while worker.confirmed() < sequence:
            await asyncio.sleep(0.01)


def hand_over(bench: NodeTestBed, sequence: int, event: MessageReceived) -> None:
    bench.workers.last.entry(INSTANCE, sequence, event.full_subject, event.model_dump_json())


async def test_an_entry_is_confirmed_once_the_stream_has_it(bench: NodeTestBed) -> None:
    await bench.connected()
    for sequence in range(1, 4):
        hand_over(bench, sequence, received(bench, f"W{sequence}"))
    await until_confirmed(bench.workers.last, 3)
    assert (await bench.event(MessageReceived, wa_id="W3")).text == "hello"


async def test_an_entry_handed_over_twice_is_one_event(bench: NodeTestBed) -> None:
    await bench.connected()
    hand_over(bench, 1, received(bench, "W1"))
    hand_over(bench, 1, received(bench, "W1"))
    hand_over(bench, 2, received(bench, "W2"))
    await until_confirmed(bench.workers.last, 2)
    await bench.event(MessageReceived, wa_id="W2")
    stored = await bench.js.stream_info("WA_EVENTS", subjects_filter=MessageReceived.subject_filter(bench.organization))
    assert sum((stored.state.subjects or {}).values()) == 2


async def test_what_nobody_can_read_ends_among_the_dead_letters_and_holds_up_nothing(bench: NodeTestBed) -> None:
    await bench.connected()
    worker, address = bench.workers.last, received(bench, "W1").full_subject
    worker.entry(INSTANCE, 1, address, base64.b64encode(b"\x08\x01").decode(), error="Message: no such field")
    worker.entry(INSTANCE, 2, address, "{}")
    worker.entry(
        INSTANCE,
        3,
        address,
        received(bench, "W3", "x").model_dump_json().replace('"x"', f'"{"x" * MAX_MESSAGE_BYTES}"'),
    )
    hand_over(bench, 4, received(bench, "W4"))
    await until_confirmed(worker, 4)
    await bench.event(MessageReceived, wa_id="W4")
    dead = await bench.js.stream_info("WA_DEAD", subjects_filter=DEAD_PREFIX + address)
    assert sum((dead.state.subjects or {}).values()) == 3
    last = await bench.js.get_last_msg("WA_DEAD", DEAD_PREFIX + address)
    assert last.headers
