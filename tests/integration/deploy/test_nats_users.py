"""The users of deploy/nats.production.conf, on a real nats-server: what they may say and hear, and what not."""

from collections.abc import AsyncIterator

import pytest
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.api import ConsumerConfig
from nats.js.errors import APIError

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
from shared.contracts.requests import (
    ChangeBookingRequest,
    CreateApiKeyRequest,
    CreateInvitationRequest,
    LogoutInstanceRequest,
    SendRequest,
)
from shared.messaging.client import jetstream
from shared.messaging.permissions import INTEGRATION, inbox_prefix, permissions_of_users
from shared.messaging.streams import ensure_streams
from shared.platform.settings import Settings
from tests.integration.deploy.nats_users import guarded_server, logged_in
from tests.servers import Server


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with guarded_server(tmp_path_factory.mktemp("guarded")) as running:
        async with logged_in(running, "api") as api:
            await ensure_streams(jetstream(api.client), Settings())
        yield running


async def test_nobody_gets_in_without_a_password(server: Server) -> None:
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
        (INTEGRATION, SendRequest),
        (INTEGRATION, ChangeBookingRequest),
        (INTEGRATION, CreateBooking),
    ],
)
async def test_a_service_says_what_is_its_to_say(server: Server, user: str, message: type[Message]) -> None:
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
        (INTEGRATION, LogoutInstanceRequest),
        (INTEGRATION, CreateApiKeyRequest),
        (INTEGRATION, CreateInvitationRequest),
        ("realtime", SendRequest),
    ],
)
async def test_a_service_is_refused_what_is_not(server: Server, user: str, message: type[Message]) -> None:
    async with logged_in(server, user) as connection:
        assert not await connection.may_publish(message.subject_filter("acme", "one"))


@pytest.mark.parametrize("user", ["session", "router", "realtime", INTEGRATION])
async def test_nobody_but_the_api_hears_questions_or_anothers_answers(server: Server, user: str) -> None:
    async with logged_in(server, user) as connection:
        for subject in (
            "wa.query.>",
            ">",
            "_INBOX.>",
            f"{inbox_prefix('api')}.>",
            "wa.command.>",
            SendRequest.subject_filter(),
        ):
            assert not await connection.may_hear(subject)


@pytest.mark.parametrize("user", list(permissions_of_users()))
async def test_nobody_empties_or_deletes_a_stream_of_messages(server: Server, user: str) -> None:
    async with logged_in(server, user) as connection:
        for verb in ("DELETE", "PURGE"):
            assert not await connection.may_publish(f"$JS.API.STREAM.{verb}.{EVENTS_STREAM}")


async def test_a_room_cannot_take_the_routers_messages(server: Server) -> None:
    name = durable_name("router", MessageReceived)
    async with logged_in(server, "realtime") as connection:
        for call in ("MSG.NEXT", "DELETE"):
            assert not await connection.may_publish(f"$JS.API.CONSUMER.{call}.{EVENTS_STREAM}.{name}")
            assert await connection.may_publish(f"$JS.API.CONSUMER.{call}.{EVENTS_STREAM}.made-up")


async def test_another_service_keeps_a_durable_consumer_of_its_own(server: Server) -> None:
    async with logged_in(server, "session") as session:
        await session.client.publish(MessageReceived.subject_filter("acme", "one"), b"{}")
        await session.client.flush()
    async with logged_in(server, INTEGRATION) as other:
        js = jetstream(other.client)
        consumer = await js.pull_subscribe(MessageReceived.subject_filter("acme"), INTEGRATION, EVENTS_STREAM)
        for message in await consumer.fetch(1, timeout=5):
            await message.ack_sync()
        assert other.refused == []


async def test_another_service_cannot_take_a_services_consumer(server: Server) -> None:
    async with logged_in(server, INTEGRATION) as other:
        config = ConsumerConfig(durable_name=durable_name("router", MessageReceived))
        with pytest.raises((APIError, TimeoutError)):
            await jetstream(other.client).add_consumer(EVENTS_STREAM, config, timeout=1)
        assert other.refused


async def test_what_is_only_live_is_said_and_heard_by_whom_it_concerns(server: Server) -> None:
    for user in permissions_of_users():
        async with logged_in(server, user) as connection:
            for live in EPHEMERAL_EVENTS.values():
                subject = live.subject_filter("acme", "one")
                assert await connection.may_publish(subject) is (user in live.publishers), (user, subject)
                assert await connection.may_hear(live.subject_filter()) is (user in live.subscribers), (user, subject)
