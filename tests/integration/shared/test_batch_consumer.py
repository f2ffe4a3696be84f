"""Messages handled together: what waits meanwhile, what concerns all, the end, and settings that change."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from faststream.nats import NatsBroker
from nats.js import JetStreamContext

import shared.messaging.batch_consumer
from shared.contracts.events import MessageSent
from shared.contracts.message import utc_now
from shared.contracts.registry import durable_name
from shared.messaging import retry_policy
from shared.messaging.batch_consumer import (
    CONCURRENT_BATCHES,
    MAX_CONCURRENT_BATCHES,
    MAX_UNACKED,
    _BatchConsumer,
    batch_consumer,
)
from shared.messaging.client import broker_client, jetstream
from shared.messaging.connection import connected, make_broker
from shared.messaging.publisher import Publisher
from shared.platform.settings import Settings
from tests.waiting import until


def sent(message_id: str, name: str) -> MessageSent:
    return MessageSent(
        id=message_id, organization_id=name, instance_id="one", message_id=message_id, wa_id="W", timestamp=utc_now()
    )


class Handler:
    """Keeps every batch; waits for `gate` in each."""

    def __init__(self, name: str) -> None:
        self.name, self.batches, self.gate = name, list[list[str]](), asyncio.Event()
        self.gate.set()
        self.wrong = 0
        """So often everything goes wrong."""

    async def handle(self, events: Sequence[MessageSent]) -> Sequence[Exception | None]:
        mine = [event.id for event in events if event.organization_id == self.name]  # the stream is everybody's
        if mine:
            self.batches.append(mine)
            await self.gate.wait()
            if self.wrong:
                self.wrong -= 1
                raise ConnectionError("nothing works")
        return [None] * len(events)

    @property
    def seen(self) -> list[str]:
        return [message_id for batch in self.batches for message_id in batch]


async def start(running: AsyncExitStack, url: str, handler: Handler, **settings: object) -> JetStreamContext:
    chosen = Settings.model_validate({"nats_url": url, **settings})
    broker = make_broker(handler.name, chosen)
    await running.enter_async_context(connected(broker, chosen))
    await running.enter_async_context(batch_consumer(broker, chosen, handler.name, MessageSent, handler.handle))
    return jetstream(broker_client(broker))


async def until_count(handler: Handler, count: int) -> None:
    await until(lambda: len(handler.seen) >= count)


async def test_what_comes_while_all_lanes_are_taken_is_handled_together_in_its_order(nats_url: str) -> None:
    handler = Handler("together")
    async with AsyncExitStack() as running:
        publish = Publisher(await start(running, nats_url, handler))
        handler.gate.clear()
        first = [f"f{number}" for number in range(CONCURRENT_BATCHES)]
        for count, message_id in enumerate(first, 1):
            await publish(sent(message_id, handler.name))
            await until_count(handler, count)
        later = [f"l{number}" for number in range(50)]
        await publish(*(sent(message_id, handler.name) for message_id in later))
        handler.gate.set()
        await until_count(handler, CONCURRENT_BATCHES + 50)
    assert handler.batches[:CONCURRENT_BATCHES] == [[message_id] for message_id in first]
    assert handler.seen[CONCURRENT_BATCHES:] == later
    assert len(handler.batches) < CONCURRENT_BATCHES + 25


@pytest.mark.usefixtures("quick_backoff")
async def test_an_error_of_the_handler_concerns_all_and_all_come_again(nats_url: str) -> None:
    handler = Handler("wrong")
    handler.wrong = 2
    async with AsyncExitStack() as running:
        await Publisher(await start(running, nats_url, handler))(*(sent(f"m{n}", handler.name) for n in range(10)))
        await until(lambda: not handler.wrong and len(handler.seen) > 10 and len(set(handler.seen)) >= 10)
    assert len(handler.seen) > 10


async def test_what_is_in_hand_at_the_end_is_finished_and_acknowledged(nats_url: str) -> None:
    handler = Handler("ending")
    async with AsyncExitStack() as other:
        async with AsyncExitStack() as running:
            js = await start(running, nats_url, handler)
            handler.gate.clear()
            await Publisher(js)(*(sent(f"e{n}", handler.name) for n in range(20)))
            await until_count(handler, 1)
            asyncio.get_running_loop().call_later(0.3, handler.gate.set)
        again = Handler("ending")
        js = await start(other, nats_url, again)
        info = await js.consumer_info("WA_EVENTS", durable_name(handler.name, MessageSent))
        assert (info.num_pending, info.num_ack_pending) == (0, 0)
    assert sorted(handler.seen) == sorted(f"e{n}" for n in range(20))
    assert again.seen == []


async def test_a_setting_that_changed_reaches_the_consumer_that_is_there(nats_url: str) -> None:
    handler = Handler("settings")
    for seconds in (7, 9):
        async with AsyncExitStack() as running:
            js = await start(running, nats_url, handler, ack_wait=timedelta(seconds=seconds))
            config = (await js.consumer_info("WA_EVENTS", durable_name(handler.name, MessageSent))).config
            assert (config.ack_wait, config.max_ack_pending) == (seconds, MAX_UNACKED)
            await Publisher(js)(sent(f"after {seconds}", handler.name))
            await until_count(handler, 1 if seconds == 7 else 2)


async def test_the_end_waits_for_a_handler_that_hangs_no_longer_than_the_grace(nats_url: str) -> None:
    handler = Handler("hanging")
    async with AsyncExitStack() as other:
        async with AsyncExitStack() as running:
            js = await start(running, nats_url, handler, shutdown_grace=timedelta(seconds=0.2), ack_wait=1)
            handler.gate.clear()
            await Publisher(js)(sent("h1", handler.name))
            await until_count(handler, 1)
        again = Handler("hanging")
        await start(other, nats_url, again, ack_wait=1)
        await until_count(again, 1)
    assert again.seen == ["h1"]


async def test_a_message_that_cannot_be_acknowledged_holds_up_no_other() -> None:
    handler = Handler("faults")
    batches, raws = batches_of(handler), [Raw(sent(f"f{number}", handler.name)) for number in range(3)]

    async def broken() -> None:
        raise KeyError("thrown on purpose")

    raws[0].ack = broken  # type: ignore[method-assign]
    handler.gate.clear()
    for raw in raws:
        await batches.receive(raw)
    handler.gate.set()
    await batches.finish(20)
    assert [raw.acked for raw in raws] == [False, True, True]
    assert not any(raw.metadata.sequence.stream in batches._ack_extender for raw in raws)


async def test_a_message_that_is_in_hand_is_not_taken_again() -> None:
    handler = Handler("twice")
    batches, raw = batches_of(handler), Raw(sent("t1", handler.name))
    handler.gate.clear()
    for _ in range(2):
        await batches.receive(raw)
    await until_count(handler, 1)
    await batches.receive(raw)
    handler.gate.set()
    await batches.finish(20)
    assert handler.seen == ["t1"]


_ORDERS = count()


class Raw:
    """A message as the NATS client hands it over."""

    headers = None

    def __init__(self, message: MessageSent, order: int | None = None) -> None:
        self.subject, self.data, self.acked = message.full_subject, message.model_dump_json().encode(), False
        self.metadata = SimpleNamespace(sequence=SimpleNamespace(stream=next(_ORDERS) if order is None else order))

    async def ack(self) -> None:
        self.acked = True


def batches_of(handler: Handler) -> Any:
    return _BatchConsumer(NatsBroker(), MessageSent, handler.handle, timedelta(seconds=30))


async def test_what_comes_just_as_the_last_lane_ends_waits_for_nobody() -> None:
    handler = Handler("just-then")
    batches, raws = (
        batches_of(handler),
        [Raw(sent(f"j{number}", handler.name)) for number in range(CONCURRENT_BATCHES + 3)],
    )

    async def take(some: Sequence[Raw]) -> None:
        for raw in some:
            await batches.receive(raw)

    await take(raws[:CONCURRENT_BATCHES])
    await asyncio.create_task(take(raws[CONCURRENT_BATCHES:]))  # runs in the same turn as the lanes, after them
    await asyncio.sleep(0)
    await batches.finish(20)
    assert all(raw.acked for raw in raws)


async def test_batches_that_wait_for_somebody_else_hold_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.messaging.batch_consumer, "SLOW_BATCH_AFTER_S", 0.05)
    slow = asyncio.Event()
    done: list[str] = []

    async def handle(events: Sequence[MessageSent]) -> list[None]:
        if events[0].id.startswith("slow"):
            await slow.wait()
        done.extend(event.id for event in events)
        return [None] * len(events)

    batches: Any = _BatchConsumer(NatsBroker(), MessageSent, handle, timedelta(seconds=30))
    for number in range(MAX_CONCURRENT_BATCHES - 1):
        await batches.receive(Raw(sent(f"slow{number}", "waits")))
        await asyncio.sleep(0.06)
    for number in range(3):
        await batches.receive(Raw(sent(f"quick{number}", "waits")))
    await until(lambda: len(done) == 3)
    assert done == ["quick0", "quick1", "quick2"]
    slow.set()
    await batches.finish(20)
    assert len(done) == MAX_CONCURRENT_BATCHES + 2
    assert (batches._free_slots, batches._running) == (CONCURRENT_BATCHES, 0)


async def test_what_waits_is_bounded_while_nothing_moves() -> None:
    handler = Handler("stalled")
    handler.gate.clear()
    batches = batches_of(handler)
    for _ in range(3):  # the server delivers again what is not acknowledged in time
        for number in range(MAX_UNACKED):
            await batches.receive(Raw(sent(f"s{number}", handler.name), number))
    assert len(batches._pending) == MAX_UNACKED
    handler.gate.set()
    await batches.finish(20)
    assert {f"s{number}" for number in range(MAX_UNACKED)} == set(handler.seen)


@pytest.fixture
def quick_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry_policy, "REDELIVERY_DELAYS_S", (0.05,))
