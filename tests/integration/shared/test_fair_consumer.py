"""What waits for its turn is neither delivered again nor counted as an attempt, and ends in the order of the stream."""

import asyncio
from datetime import timedelta
from pathlib import Path

import nats
import pytest

from shared.contracts.events import MessageSent
from shared.contracts.message import utc_now
from shared.contracts.registry import durable_name
from shared.messaging.ack_extension import AckExtender
from shared.messaging.client import broker_client, jetstream
from shared.messaging.connection import connected, make_broker
from shared.messaging.consumer import Consumers
from shared.messaging.fair_consumer import FairShare
from shared.messaging.publisher import Publisher
from shared.messaging.streams import ensure_streams
from shared.platform.settings import Settings
from tests.servers import nats_server

COUNT = 30


async def test_what_waits_longer_than_the_stream_does_is_delivered_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beats, keep = [0], AckExtender._extend

    async def counted(in_hand: AckExtender) -> None:
        beats[0] += 1
        await keep(in_hand)

    monkeypatch.setattr(AckExtender, "_extend", counted)
    server = nats_server(tmp_path)
    await server.start()
    settings = Settings(nats_url=f"nats://127.0.0.1:{server.port}", ack_wait=timedelta(seconds=2))
    broker, go, handled = make_broker("waits", settings), asyncio.Event(), list[str]()

    async def handle(event: MessageSent) -> None:
        await go.wait()
        handled.append(event.id)

    Consumers(broker, settings, "waits").consume(MessageSent, handle, FairShare(8, per_instance=2, max_unacked=200))
    async with await nats.connect(settings.nats_url) as client:
        await ensure_streams(jetstream(client), settings)
    async with connected(broker, settings):
        js = jetstream(broker_client(broker))
        common = {"organization_id": "acme", "instance_id": "one", "wa_id": "W", "timestamp": utc_now()}
        events = [MessageSent.model_validate({"id": f"e{n:02}", "message_id": "m", **common}) for n in range(COUNT)]
        await Publisher(js)(*events)
        async with asyncio.timeout(40):
            while beats[0] < 6:  # twice as long as the stream waits
                await asyncio.sleep(0.05)
            info = await js.consumer_info("WA_EVENTS", durable_name("waits", MessageSent))
            assert info.delivered
            assert (info.delivered.consumer_seq, info.num_redelivered) == (COUNT, 0)
            go.set()
            while len(handled) < COUNT:
                await asyncio.sleep(0.05)
    await server.kill()
    assert handled == [f"e{n:02}" for n in range(COUNT)]
