"""The users of deploy/nats.production.conf on a real nats-server: what they may publish and subscribe to."""

from collections.abc import AsyncIterator

import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import ConsumerConfig
from nats.js.errors import APIError

from docs.generate.nats_users import shipped_permissions
from shared.contracts.commands import (
    ChangeBooking,
    ConnectInstance,
    CreateBooking,
    LogoutInstance,
    RescheduleBooking,
    SendMessage,
    SendText,
)
from shared.contracts.events import BookingCreated, MessageReceived
from shared.contracts.message import Message
from shared.contracts.registry import EPHEMERAL_EVENTS, EVENTS_STREAM, durable_name
from shared.messaging.client import jetstream
from shared.messaging.permissions import INTEGRATION, inbox_prefix
from shared.messaging.streams import ensure_streams
from shared.platform.settings import Settings
from tests.integration.deploy.nats_users import guarded_server, logged_in
from tests.nats_messages import MESSAGES
from tests.servers import Server


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with guarded_server(tmp_path_factory.mktemp("guarded")) as running:
        async with logged_in(running, "api") as api:
            await ensure_streams(jetstream(api.client), Settings())
        yield running


async def test_no_user_logs_in_without_a_password(server: Server) -> None:
    for url in (f"nats://127.0.0.1:{server.port}", f"nats://router:wrong@127.0.0.1:{server.port}"):
        with pytest.raises(NatsError, match="Authorization Violation"):
            await Client().connect(url, allow_reconnect=False)


@pytest.mark.parametrize(
    ("user", "message"),
    [
        ("router", SendText),
        ("router", BookingCreated),
        ("session", MessageReceived),
        ("api", ConnectInstance),
        ("api", SendMessage),
        ("realtime", SendMessage),
        (INTEGRATION, SendMessage),
        (INTEGRATION, ChangeBooking),
        (INTEGRATION, MESSAGES.SendRequest),
        (INTEGRATION, MESSAGES.ChangeBookingRequest),
        (INTEGRATION, CreateBooking),
    ],
)
async def test_a_service_may_publish_its_own_messages(server: Server, user: str, message: type[Message]) -> None:
    async with logged_in(server, user) as connection:
        assert await connection.may_publish(message.subject_filter("acme", "one"))


@pytest.mark.parametrize(
    ("user", "message"),
    [
        ("router", ConnectInstance),
        ("router", LogoutInstance),
        ("router", MessageReceived),
        ("session", BookingCreated),
        ("session", SendText),
        ("realtime", ConnectInstance),
        ("realtime", ChangeBooking),
        ("realtime", RescheduleBooking),
        ("realtime", LogoutInstance),
        ("realtime", SendText),
        ("realtime", MessageReceived),
        (INTEGRATION, ConnectInstance),
        (INTEGRATION, SendText),
        (INTEGRATION, BookingCreated),
        (INTEGRATION, MESSAGES.LogoutInstanceRequest),
        (INTEGRATION, MESSAGES.CreateApiKeyRequest),
        (INTEGRATION, MESSAGES.CreateInvitationRequest),
        ("realtime", MESSAGES.SendRequest),
    ],
)
async def test_a_service_may_not_publish_messages_of_others(server: Server, user: str, message: type[Message]) -> None:
    async with logged_in(server, user) as connection:
        assert not await connection.may_publish(message.subject_filter("acme", "one"))


@pytest.mark.parametrize("user", ["session", "router", "realtime", INTEGRATION])
async def test_only_the_api_receives_queries_and_nobody_receives_replies_of_others(server: Server, user: str) -> None:
    async with logged_in(server, user) as connection:
        for subject in (
            "wa.query.>",
            ">",
            "_INBOX.>",
            f"{inbox_prefix('api')}.>",
            "wa.command.>",
            MESSAGES.SendRequest.subject_filter(),
        ):
            assert not await connection.may_hear(subject)


@pytest.mark.parametrize("user", list(shipped_permissions()))
async def test_no_service_may_purge_or_delete_a_stream(server: Server, user: str) -> None:
    async with logged_in(server, user) as connection:
        for verb in ("DELETE", "PURGE"):
            assert not await connection.may_publish(f"$JS.API.STREAM.{verb}.{EVENTS_STREAM}")


async def test_realtime_may_not_consume_the_routers_messages(server: Server) -> None:
    name = durable_name("router", MessageReceived)
    async with logged_in(server, "realtime") as connection:
        for call in ("MSG.NEXT", "DELETE"):
            assert not await connection.may_publish(f"$JS.API.CONSUMER.{call}.{EVENTS_STREAM}.{name}")
            assert await connection.may_publish(f"$JS.API.CONSUMER.{call}.{EVENTS_STREAM}.made-up")


async def test_another_service_may_have_its_own_durable_consumer(server: Server) -> None:
    async with logged_in(server, "session") as session:
        await session.client.publish(MessageReceived.subject_filter("acme", "one"), b"{}")
        await session.client.flush()
    async with logged_in(server, INTEGRATION) as other:
        js = jetstream(other.client)
        consumer = await js.pull_subscribe(MessageReceived.subject_filter("acme"), INTEGRATION, EVENTS_STREAM)
        for message in await consumer.fetch(1, timeout=5):
            await message.ack_sync()
        assert other.refused == []


async def test_another_service_may_not_use_the_consumer_of_a_service(server: Server) -> None:
    async with logged_in(server, INTEGRATION) as other:
        config = ConsumerConfig(durable_name=durable_name("router", MessageReceived))
        with pytest.raises((APIError, TimeoutError)):
            await jetstream(other.client).add_consumer(EVENTS_STREAM, config, timeout=1)
        assert other.refused


async def test_ephemeral_events_may_be_published_and_received_only_by_their_services(server: Server) -> None:
    for user in shipped_permissions():
        async with logged_in(server, user) as connection:
            for live in EPHEMERAL_EVENTS.values():
                subject = live.subject_filter("acme", "one")
                assert await connection.may_publish(subject) is (user in live.publishers), (user, subject)
                assert await connection.may_hear(live.subject_filter()) is (user in live.subscribers), (user, subject)
