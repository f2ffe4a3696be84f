"""A journaled event is stored in the stream, or among the dead letters, before the worker removes it."""

import base64

from shared.contracts.events import MessageReceived
from shared.contracts.message import utc_now
from shared.contracts.records import Party
from shared.contracts.registry import DEAD_PREFIX, MAX_MESSAGE_BYTES
from tests.fakes.workers import FakeWorker
from tests.integration.session.supervisor.testbed import INSTANCE, NodeTestBed
from tests.waiting import until


def received(testbed: NodeTestBed, wa_id: str, text: str = "hello") -> MessageReceived:
    party = Party(phone="4915199999999")
    return MessageReceived(
        id=f"m-{testbed.organization}-{wa_id}",
        organization_id=testbed.organization,
        instance_id=INSTANCE,
        wa_id=wa_id,
        sender=party,
        chat=party,
        text=text,
        timestamp=utc_now(),
    )


async def until_confirmed(worker: FakeWorker, sequence: int) -> None:
    await until(lambda: worker.confirmed() >= sequence)


def journal(testbed: NodeTestBed, sequence: int, event: MessageReceived) -> None:
    testbed.workers.last.send_event(INSTANCE, sequence, event.full_subject, event.model_dump_json())


async def test_a_journaled_event_is_confirmed_once_it_is_stored(testbed: NodeTestBed) -> None:
    await testbed.connected()
    for sequence in range(1, 4):
        journal(testbed, sequence, received(testbed, f"W{sequence}"))
    await until_confirmed(testbed.workers.last, 3)
    assert (await testbed.event(MessageReceived, wa_id="W3")).text == "hello"


async def test_an_event_that_is_journaled_twice_is_stored_once(testbed: NodeTestBed) -> None:
    await testbed.connected()
    journal(testbed, 1, received(testbed, "W1"))
    journal(testbed, 1, received(testbed, "W1"))
    journal(testbed, 2, received(testbed, "W2"))
    await until_confirmed(testbed.workers.last, 2)
    await testbed.event(MessageReceived, wa_id="W2")
    stored = await testbed.js.stream_info(
        "WA_EVENTS", subjects_filter=MessageReceived.subject_filter(testbed.organization)
    )
    assert sum((stored.state.subjects or {}).values()) == 2


async def test_an_unreadable_event_goes_to_the_dead_letters_and_delays_no_other(testbed: NodeTestBed) -> None:
    await testbed.connected()
    worker, address = testbed.workers.last, received(testbed, "W1").full_subject
    worker.send_event(INSTANCE, 1, address, base64.b64encode(b"\x08\x01").decode(), error="Message: no such field")
    worker.send_event(INSTANCE, 2, address, "{}")
    worker.send_event(
        INSTANCE,
        3,
        address,
        received(testbed, "W3", "x").model_dump_json().replace('"x"', f'"{"x" * MAX_MESSAGE_BYTES}"'),
    )
    journal(testbed, 4, received(testbed, "W4"))
    await until_confirmed(worker, 4)
    await testbed.event(MessageReceived, wa_id="W4")
    dead = await testbed.js.stream_info("WA_DEAD", subjects_filter=DEAD_PREFIX + address)
    assert sum((dead.state.subjects or {}).values()) == 3
    last = await testbed.js.get_last_msg("WA_DEAD", DEAD_PREFIX + address)
    assert last.headers
