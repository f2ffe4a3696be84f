"""Delivery on a real nats-server, one by one and in batches: retries, dead letters, repeats, a killed server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from shared.contracts.ephemeral import TypingObserved
from shared.contracts.errors import Reject, Retry
from shared.contracts.events import MessageSent
from shared.contracts.message import utc_now
from shared.contracts.records import Party
from shared.contracts.registry import DEAD_STREAM, durable_name
from shared.messaging import batch_consumer, consumer, publisher, retry_policy
from shared.messaging.ack_extension import AckExtender
from shared.messaging.client import broker_client, jetstream
from shared.messaging.connection import connected, connection, make_broker
from shared.messaging.consumer import Consumers
from shared.messaging.publisher import Publisher, publish_ephemeral
from shared.platform.settings import Settings
from tests.servers import nats_server
from tests.waiting import until


def sent(message_id: str, organization_id: str = "acme") -> MessageSent:
    return MessageSent(
        id=message_id,
        organization_id=organization_id,
        instance_id="one",
        message_id=message_id,
        wa_id="W",
        timestamp=utc_now(),
    )


@asynccontextmanager
async def one_by_one(url: str, name: str, handler: consumer.Handler[MessageSent]) -> AsyncIterator[NatsBroker]:
    settings = Settings(nats_url=url)
    broker = make_broker(name, settings)
    Consumers(broker, settings, name).consume(MessageSent, handler)
    async with connected(broker, settings):
        yield broker


@asynccontextmanager
async def batching_broker(url: str, name: str, handler: consumer.Handler[MessageSent]) -> AsyncIterator[NatsBroker]:
    async def handle(events: Sequence[MessageSent]) -> list[Exception | None]:
        outcomes = await asyncio.gather(*map(handler, events), return_exceptions=True)
        return [outcome if isinstance(outcome, Exception) else None for outcome in outcomes]

    settings = Settings(nats_url=url)
    broker = make_broker(name, settings)
    async with connected(broker, settings), batch_consumer.batch_consumer(broker, settings, name, MessageSent, handle):
        yield broker


Service = Callable[[str, str, consumer.Handler[MessageSent]], AbstractAsyncContextManager[NatsBroker]]


@pytest.fixture
async def nats_url(tmp_path: Path) -> AsyncIterator[str]:
    """A server of its own, whose streams hold nothing from other tests."""
    server = nats_server(tmp_path)
    await server.start()
    yield f"nats://127.0.0.1:{server.port}"
    await server.kill()


@pytest.fixture(params=[one_by_one, batching_broker], ids=["one by one", "in batches"])
def service(request: pytest.FixtureRequest) -> Service:
    found: Service = request.param
    return found


def stream(broker: NatsBroker) -> JetStreamContext:
    return jetstream(broker_client(broker))


async def unfinished(js: JetStreamContext, name: str) -> int:
    info = await js.consumer_info("WA_EVENTS", durable_name(name, MessageSent))
    return (info.num_pending or 0) + (info.num_ack_pending or 0)


async def until_finished(js: JetStreamContext, name: str) -> None:
    """Every event is handled or given up: none is delivered any more."""

    async def finished() -> bool:
        return not await unfinished(js, name)

    await until(finished)


@pytest.fixture
def quick_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry_policy, "REDELIVERY_DELAYS_S", (0.05,))


@pytest.mark.usefixtures("quick_backoff")
async def test_a_message_is_delivered_again_until_the_handler_succeeds(nats_url: str, service: Service) -> None:
    seen: list[str] = []

    async def handler(event: MessageSent) -> None:
        seen.append(event.id)
        if len(seen) < 8:
            raise Retry("not yet")

    async with service(nats_url, "retries", handler) as broker:
        await Publisher(stream(broker))(sent("again"))
        await until(lambda: len(seen) == 8)
        await until_finished(stream(broker), "retries")
    assert seen == ["again"] * 8


@pytest.mark.usefixtures("quick_backoff")
async def test_what_cannot_be_handled_is_kept_with_its_reason_and_the_stream_goes_on(
    nats_url: str, service: Service
) -> None:
    seen: list[str] = []

    async def handler(event: MessageSent) -> None:
        seen.append(event.id)
        if event.id == "rejected":
            raise Reject("the account 4915112345678 does not exist")
        if event.id == "broken":
            raise KeyError("a bug")

    async with service(nats_url, "rejects", handler) as broker:
        js = stream(broker)
        before = (await js.stream_info(DEAD_STREAM)).state.last_seq
        await js.publish(MessageSent.subject_filter("acme", "one"), b"{not json", headers={"Nats-Msg-Id": "poison"})
        for name in ("rejected", "broken", "fine"):
            await Publisher(js)(sent(name))
        async with asyncio.timeout(20):
            while (await js.stream_info(DEAD_STREAM)).state.last_seq < before + 3:
                await asyncio.sleep(0.05)
        dead = [await js.get_msg(DEAD_STREAM, seq=before + n) for n in (1, 2, 3)]
        await until_finished(js, "rejects")
    reasons = sorted((item.headers or {})["x-error"][:15] for item in dead)
    assert reasons == ["KeyError: 'a bu", "Reject: the acc", "ValidationError"]
    assert not any("4915112345678" in (item.headers or {})["x-error"] for item in dead)
    assert {(item.headers or {})["x-consumer"] for item in dead} == {durable_name("rejects", MessageSent)}
    assert {item.subject for item in dead} == {"wa.dead." + MessageSent.subject_filter("acme", "one")}
    assert seen.count("broken") == retry_policy.MAX_DELIVERY_ATTEMPTS
    assert "fine" in seen


@pytest.mark.parametrize("error", ["MaxPayloadError", "10054", "10060", "TimeoutError"])
@pytest.mark.usefixtures("quick_backoff")
async def test_what_only_looks_like_an_outage_counts_attempts(nats_url: str, service: Service, error: str) -> None:
    seen: list[str] = []
    running: list[NatsBroker] = []

    async def handler(event: MessageSent) -> None:
        seen.append(event.id)
        if event.id != "wrong":
            return
        js, address = stream(running[0]), event.full_subject
        match error:
            case "MaxPayloadError":
                await Publisher(js)(event.model_copy(update={"id": "large", "wa_id": "W" * 1_200_000}))
            case "10054":
                await Publisher(js)(event.model_copy(update={"id": "large", "wa_id": "W" * 1_010_000}))
            case "10060":
                await js.publish(address, b"{}", stream=DEAD_STREAM)
            case _:
                async with asyncio.timeout(0):
                    await asyncio.Event().wait()

    async with service(nats_url, f"seems-{error.lower()}", handler) as broker:
        running.append(broker)
        js = stream(broker)
        await Publisher(js)(sent("wrong"), sent("fine"))
        async with asyncio.timeout(20):
            while not (await js.stream_info(DEAD_STREAM)).state.messages or "fine" not in seen:
                await asyncio.sleep(0.05)
        letter = await js.get_msg(DEAD_STREAM, 1)
    assert seen.count("wrong") == retry_policy.MAX_DELIVERY_ATTEMPTS
    assert (letter.headers or {})["x-attempts"] == str(retry_policy.MAX_DELIVERY_ATTEMPTS)
    assert error in (letter.headers or {})["x-error"]


async def test_a_dead_letter_that_is_too_large_keeps_its_head(nats_url: str, service: Service) -> None:
    async def handler(event: MessageSent) -> None:
        raise Reject("never")

    body = sent("large").model_copy(update={"wa_id": "W" * 999_000}).model_dump_json().encode()
    async with service(nats_url, "heads", handler) as broker:
        js = stream(broker)
        await js.publish(sent("large").full_subject, body)
        async with asyncio.timeout(20):
            while await unfinished(js, "heads") or not (await js.stream_info(DEAD_STREAM)).state.messages:
                await asyncio.sleep(0.05)
        letter = await js.get_msg(DEAD_STREAM, 1)
    assert letter.data
    assert body.startswith(letter.data)
    assert len(letter.data) == publisher.MAX_BODY_BYTES
    assert (letter.headers or {})[publisher.FULL_SIZE_HEADER] == str(len(body))


async def test_a_server_that_takes_less_gets_a_shorter_head(nats_url: str) -> None:
    broker = make_broker("short", Settings(nats_url=nats_url))
    async with connected(broker, Settings(nats_url=nats_url)):
        js = stream(broker)
        config = (await js.stream_info(DEAD_STREAM)).config
        await js.update_stream(config.evolve(max_msg_size=1_000))
        await Publisher(js).dead_letter(sent("m").full_subject, b"x" * 5_000, "a reason", 1)
        letter = await js.get_msg(DEAD_STREAM, 1)
    assert letter.data
    assert 0 < len(letter.data) < 1_000
    assert (letter.headers or {})[publisher.FULL_SIZE_HEADER] == "5000"


async def test_a_handler_may_take_longer_than_the_stream_waits(
    nats_url: str, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    beats, keep, seen = [0], AckExtender._extend, list[str]()

    async def counted(in_hand: AckExtender) -> None:
        beats[0] += 1
        await keep(in_hand)

    async def handler(event: MessageSent) -> None:
        seen.append(event.id)
        await until(lambda: beats[0] >= 9)  # three times as long as the stream waits

    monkeypatch.setattr(AckExtender, "_extend", counted)
    monkeypatch.setenv("WA_ACK_WAIT", "PT1S")
    async with service(nats_url, "patient", handler) as broker:
        js = stream(broker)
        await Publisher(js)(sent("slow"))
        await until(lambda: beats[0] >= 9)
        await until_finished(js, "patient")
        info = await js.consumer_info("WA_EVENTS", durable_name("patient", MessageSent))
    assert info.delivered
    assert (seen, info.delivered.consumer_seq) == (["slow"], 1)


async def test_a_body_that_names_another_organization_than_its_subject_is_not_handled(
    nats_url: str, service: Service
) -> None:
    handled: list[str] = []

    async def handler(event: MessageSent) -> None:
        handled.append(event.id)

    async with service(nats_url, "lies", handler) as broker:
        js = stream(broker)
        letters = "wa.dead.wa.*.*.*.globex.*"
        await js.publish(sent("lie", "globex").full_subject, sent("lie", "acme").model_dump_json().encode())
        await Publisher(js)(sent("truth", "globex"))
        await until(lambda: "truth" in handled)
        async with asyncio.timeout(20):
            while not (await js.stream_info(DEAD_STREAM, subjects_filter=letters)).state.subjects:
                await asyncio.sleep(0.02)
        letter = await js.get_msg(DEAD_STREAM, 1, letters, next=True)
    assert "lie" not in handled
    assert "acme" in (letter.headers or {})["x-error"]


async def test_publishing_the_same_message_twice_stores_it_once(nats_url: str, service: Service) -> None:
    seen: list[str] = []

    async def handler(event: MessageSent) -> None:
        seen.append(event.id)

    async with service(nats_url, "repeats", handler) as broker:
        for name in ("first", "first", "last"):
            await Publisher(stream(broker))(sent(name, "repeats"))
        await until_finished(stream(broker), "repeats")
    assert sorted(name for name in seen if name in ("first", "last")) == ["first", "last"]


async def test_a_setting_that_changed_reaches_the_consumer_that_is_there(nats_url: str) -> None:
    seen: list[str] = []

    async def handler(event: MessageSent) -> None:
        seen.append(event.id)

    for seconds in (7, 9):
        settings = Settings(nats_url=nats_url, ack_wait=timedelta(seconds=seconds))
        broker = make_broker("changed", settings)
        consumers = Consumers(broker, settings, "changed")
        consumers.consume(MessageSent, handler, seconds)
        async with connection(broker, settings) as js:
            await consumers.update(js)
            await broker.start()
            config = (await js.consumer_info("WA_EVENTS", durable_name("changed", MessageSent))).config
            assert (config.ack_wait, config.max_ack_pending) == (seconds, 2 * seconds)
            await Publisher(js)(sent(f"with {seconds}"))
            await until(lambda: f"with {seconds}" in seen)  # noqa: B023


async def test_a_service_waits_for_nats_and_survives_its_death(tmp_path: Path, service: Service) -> None:
    seen: list[str] = []

    async def handler(event: MessageSent) -> None:
        seen.append(event.id)

    server = nats_server(tmp_path)
    starting = asyncio.create_task(_start_later(server.start))
    async with service(f"nats://127.0.0.1:{server.port}", "survivor", handler) as broker:
        await starting
        publish = Publisher(stream(broker))
        await publish(sent("before"))
        await until(lambda: seen == ["before"])
        await server.kill()
        await asyncio.sleep(0.5)
        await server.start()
        await until(lambda: _published(publish, sent("after")))
        await until(lambda: "after" in seen)
    await server.kill()
    assert seen == ["before", "after"]


async def _start_later(start: Callable[[], Awaitable[None]]) -> None:
    await asyncio.sleep(1)
    await start()


async def _published(publish: Publisher, *events: MessageSent) -> bool:
    try:
        await publish(*events)
    except Exception:
        return False
    return True


async def test_attempts_while_nats_is_away_leave_nothing_behind(tmp_path: Path) -> None:
    server = nats_server(tmp_path)
    await server.start()
    settings = Settings(nats_url=f"nats://127.0.0.1:{server.port}")
    broker = make_broker("attempts", settings)
    async with connected(broker, settings):
        js = stream(broker)
        publish = Publisher(js)
        await publish(sent("before"))
        await server.kill()
        await until(lambda: not broker_client(broker).is_connected)
        large = sent("large").model_copy(update={"wa_id": "W" * 900_000})
        await asyncio.gather(*(_published(publish, large) for _ in range(50)))  # two of them fill the client's buffer
        assert js.publish_async_pending() == 0
        await server.start()
        await until(lambda: _published(publish, sent("after")))
    await server.kill()


async def test_many_publishes_that_get_no_answer_end_in_time(nats_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publisher, "_PUBLISH_TIMEOUT_S", 0.5)
    settings = Settings(nats_url=nats_url)
    broker = make_broker("many", settings)
    async with connected(broker, settings):
        publish = Publisher(stream(broker))
        monkeypatch.setattr(publish._js, "_handle_async_reply", _deaf)
        begin = asyncio.create_task(_published(publish, *(sent(f"m{number}") for number in range(5_000))))
        assert (await asyncio.wait({begin}, timeout=20))[0]


async def _deaf(_: object) -> None:
    """As when the connection breaks before the answers come."""


@pytest.mark.parametrize(("everyone", "times"), [(True, 2), (False, 1)])
async def test_what_is_only_live_is_heard_once_in_a_process_or_once_in_a_service(
    nats_url: str, everyone: bool, times: int
) -> None:
    settings, heard, name = Settings(nats_url=nats_url), list[str](), f"live{times}"

    async def hear(live: TypingObserved) -> None:
        if live.id == "bad":
            raise RuntimeError("an error of the handler ends nothing")
        if live.organization_id == name:
            heard.append(live.id)

    async with AsyncExitStack() as running:
        for _ in range(2):
            broker = make_broker(name, settings)
            Consumers(broker, settings, name).subscribe(TypingObserved, hear, every_process=everyone)
            await running.enter_async_context(connected(broker, settings))
        client = broker_client(broker)
        for _ in range(2):  # a ping is sent before what is pending
            await client.flush()
        seen = TypingObserved(
            organization_id=name, instance_id="one", sender=Party(phone="1"), state="paused", id="good"
        )
        await publish_ephemeral(client, seen.model_copy(update={"id": "bad"}))
        await client.publish(seen.full_subject, b"unreadable")
        await publish_ephemeral(client, seen)
        await publish_ephemeral(client, seen.model_copy(update={"id": "last"}))
        await until(lambda: heard.count("last") == times)
    assert heard.count("good") == times


async def test_an_event_that_is_heard_outside_of_its_stream_is_not_answered(nats_url: str) -> None:
    """The publisher waits for JetStream's answer, and would take ours for it."""
    settings, heard = Settings(nats_url=nats_url), list[str]()

    async def hear(live: TypingObserved) -> None:
        heard.append(live.id)

    broker = make_broker("silent", settings)
    Consumers(broker, settings, "silent").subscribe(TypingObserved, hear, every_process=True)
    async with connected(broker, settings):
        client, answers = broker_client(broker), list[bytes]()
        inbox = client.new_inbox()

        async def answered(message: Msg) -> None:
            answers.append(message.data)

        await client.subscribe(inbox, cb=answered)
        seen = TypingObserved(
            organization_id="silent", instance_id="one", sender=Party(phone="1"), state="paused", id="a"
        )
        await client.publish(seen.full_subject, seen.model_dump_json().encode(), reply=inbox)
        await until(lambda: heard == ["a"])
        for _ in range(20):  # an answer would be published behind the handler
            await client.flush()
        await client.publish(inbox, b"the last")
        await until(lambda: b"the last" in answers)
    assert answers == [b"the last"]
