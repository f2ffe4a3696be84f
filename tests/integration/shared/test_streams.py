"""What the streams take: the commands there are, and those of a newer version; never what is asked of the api."""

from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import NoStreamResponseError

from shared.contracts.commands import SendMessage
from shared.contracts.registry import COMMANDS_STREAM
from shared.messaging.client import jetstream
from shared.messaging.streams import ensure_streams
from shared.platform.settings import Settings
from tests.nats_messages import REQUESTS
from tests.servers import nats_server


async def taken(js: JetStreamContext) -> set[str]:
    return set((await js.stream_info(COMMANDS_STREAM)).config.subjects or [])


async def test_commands_are_kept_and_requests_are_not(tmp_path: Path) -> None:
    server = nats_server(tmp_path)
    await server.start()
    client = Client()
    await client.connect(f"nats://127.0.0.1:{server.port}")
    js = jetstream(client)
    await ensure_streams(js, Settings())
    kept = await taken(js)
    assert SendMessage.subject_filter() in kept
    for cls in REQUESTS:
        with pytest.raises(NoStreamResponseError):
            await js.publish(cls.subject_filter("acme", "one"), b"{}")
    newer = "wa.command.moon.land.*.*"
    config = (await js.stream_info(COMMANDS_STREAM)).config
    await js.update_stream(config.evolve(subjects=[*kept, newer]))
    await ensure_streams(js, Settings())
    assert await taken(js) == {*kept, newer}
    await js.update_stream(config.evolve(subjects=["wa.command.>"]))
    await ensure_streams(js, Settings())
    assert await taken(js) == kept
    await client.close()
    await server.kill()
