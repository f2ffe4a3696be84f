"""The ordered consumer: every message of its subjects, in order, without repeats, whatever happens to the consumer."""

from collections.abc import AsyncIterator

import pytest

from shared.contracts.events import ConnectionChanged
from shared.contracts.ids import new_id
from shared.contracts.records import ConnectionStatus
from shared.contracts.registry import EVENTS_STREAM, organization_events_filter
from shared.messaging import ordered_consumer
from shared.messaging.client import JetStreamContext, NatsClient, jetstream
from shared.messaging.ordered_consumer import OrderedConsumer
from shared.messaging.publisher import Publisher
from tests.waiting import until


class Recorder:
    """A handler that records the details of the events, and fails for the detail `broken`."""

    def __init__(self) -> None:
        self.details: list[str | None] = []
        self.sequences: list[int] = []

    async def __call__(self, _subject: str, sequence: int, body: bytes) -> None:
        event = ConnectionChanged.model_validate_json(body)
        if event.detail == "broken":
            raise KeyError("raised on purpose")
        self.details.append(event.detail)
        self.sequences.append(sequence)

    async def wait_for(self, details: list[str]) -> None:
        await until(lambda: len(self.details) >= len(details))
        assert self.details == details
        assert self.sequences == sorted(set(self.sequences))


@pytest.fixture
async def client(nats_url: str) -> AsyncIterator[NatsClient]:
    client = NatsClient()
    await client.connect(nats_url)
    yield client
    await client.close()


@pytest.fixture
def js(client: NatsClient) -> JetStreamContext:
    return jetstream(client)


async def publish(js: JetStreamContext, organization_id: str, *details: str) -> None:
    for detail in details:
        event = ConnectionChanged(
            organization_id=organization_id, instance_id="one", status=ConnectionStatus.CONNECTED, detail=detail
        )
        await Publisher(js)(event)


async def test_new_messages_of_its_subjects_only(client: NatsClient, js: JetStreamContext) -> None:
    organization_id, recorder = new_id(), Recorder()
    await publish(js, organization_id, "before")
    consumer = OrderedConsumer(client, js, EVENTS_STREAM, organization_events_filter(organization_id), recorder)
    await consumer.start()
    await publish(js, new_id(), "of another organization")
    await publish(js, organization_id, "1", "2", "3")
    await recorder.wait_for(["1", "2", "3"])
    assert consumer.sequence == recorder.sequences[-1]
    await consumer.stop()


async def test_from_the_beginning(client: NatsClient, js: JetStreamContext) -> None:
    organization_id, recorder = new_id(), Recorder()
    await publish(js, organization_id, "1", "2")
    consumer = OrderedConsumer(client, js, EVENTS_STREAM, organization_events_filter(organization_id), recorder)
    await consumer.start(from_beginning=True)
    await publish(js, organization_id, "3")
    await recorder.wait_for(["1", "2", "3"])
    await consumer.stop()


async def test_a_message_whose_handler_fails_is_skipped(client: NatsClient, js: JetStreamContext) -> None:
    organization_id, recorder = new_id(), Recorder()
    consumer = OrderedConsumer(client, js, EVENTS_STREAM, organization_events_filter(organization_id), recorder)
    await consumer.start()
    await publish(js, organization_id, "1", "broken", "2")
    await recorder.wait_for(["1", "2"])
    await consumer.stop()


async def test_a_deleted_consumer_is_created_again_behind_the_last_message(
    client: NatsClient, js: JetStreamContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ordered_consumer, "HEARTBEAT_INTERVAL_S", 0.1)
    monkeypatch.setattr(ordered_consumer, "HEARTBEAT_TIMEOUT_S", 0.3)
    organization_id, recorder = new_id(), Recorder()
    subject_filter = organization_events_filter(organization_id)
    consumer = OrderedConsumer(client, js, EVENTS_STREAM, subject_filter, recorder)
    await consumer.start()
    await publish(js, organization_id, "1")
    await recorder.wait_for(["1"])
    for info in await js.consumers_info(EVENTS_STREAM):
        if info.config.filter_subject == subject_filter:
            await js.delete_consumer(EVENTS_STREAM, info.name)
    await publish(js, organization_id, "2", "3")
    await recorder.wait_for(["1", "2", "3"])
    await consumer.stop()
    assert subject_filter not in {info.config.filter_subject for info in await js.consumers_info(EVENTS_STREAM)}
