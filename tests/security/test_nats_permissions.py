"""Attacks by a NATS user of the shipped configuration whose password was stolen, on a real nats-server."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from nats.errors import Error as NatsError
from nats.js import JetStreamContext

from services.realtime.nats_clients import NatsClients
from services.realtime.room_store import RoomJoin, RoomStore
from shared.contracts.commands import SendMessage
from shared.contracts.events import MessageReceived
from shared.contracts.ids import new_id
from shared.contracts.queries import CountFailedCredential, ListContacts, TakeRateLimit, VerifyApiKey
from shared.contracts.registry import (
    COMMANDS_STREAM,
    DEAD_STREAM,
    EVENTS_STREAM,
    LEASES_BUCKET,
    ROOMS_PREFIX,
    ROOMS_STREAM,
    durable_name,
)
from shared.messaging.client import jetstream
from shared.messaging.connection import connected, make_broker
from shared.messaging.durable_consumers import push_consumer_config
from shared.messaging.permissions import INTEGRATION
from shared.messaging.streams import ensure_streams
from shared.platform.settings import Settings
from tests.integration.deploy.nats_users import Connection, guarded_server, logged_in, url
from tests.nats_messages import MESSAGES
from tests.servers import Server
from tests.waiting import until

STREAMS = (EVENTS_STREAM, COMMANDS_STREAM, DEAD_STREAM)
ROUTERS = durable_name("router", MessageReceived)


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    async with guarded_server(tmp_path_factory.mktemp("guarded")) as running:
        async with logged_in(running, "api") as api:
            await ensure_streams(jetstream(api.client), Settings())
        async with logged_in(running, "router") as router:
            consumer = push_consumer_config("router", MessageReceived, Settings(), max_unacked=2)
            await jetstream(router.client).add_consumer(EVENTS_STREAM, consumer)
        yield running


@pytest.fixture
async def api(server: Server) -> AsyncIterator[JetStreamContext]:
    async with logged_in(server, "api") as connection:
        yield jetstream(connection.client)


async def call(attacker: Connection, subject: str, **body: Any) -> dict[str, Any]:
    """What JetStream answers; nothing when the server refuses the subject."""
    inbox = attacker.client.new_inbox()
    answers = await attacker.client.subscribe(inbox)
    await attacker.client.publish(f"$JS.API.{subject}", json.dumps(body).encode(), reply=inbox)
    await attacker.client.flush()
    await attacker.client.flush()
    refused, attacker.refused[:] = bool(attacker.refused), []
    found: dict[str, Any] = {}
    if not refused:
        with suppress(TimeoutError, NatsError):
            found = json.loads((await answers.next_msg(timeout=5)).data)
    await answers.unsubscribe()
    return found


@pytest.mark.parametrize("user", ["realtime", "router", "session", INTEGRATION])
async def test_a_service_cannot_empty_or_widen_a_stream(server: Server, api: JetStreamContext, user: str) -> None:
    async with logged_in(server, "session") as session:
        for number in range(3):
            await jetstream(session.client).publish(MessageReceived.subject_filter("acme", f"n{number}"), b"{}")
    before = await api.stream_info(EVENTS_STREAM)
    emptied = before.config.evolve(max_msgs=1).as_dict()
    forging = (await api.stream_info(COMMANDS_STREAM)).config.evolve(subjects=["wa.command.>", "wa.forged"]).as_dict()
    async with logged_in(server, user) as attacker:
        await call(attacker, f"STREAM.UPDATE.{EVENTS_STREAM}", **emptied)
        await call(attacker, f"STREAM.UPDATE.{COMMANDS_STREAM}", **forging)
        for stream in STREAMS:
            await call(attacker, f"STREAM.PURGE.{stream}")
            await call(attacker, f"STREAM.DELETE.{stream}")
            await call(attacker, f"STREAM.MSG.DELETE.{stream}", seq=1)
    after = await api.stream_info(EVENTS_STREAM)
    assert after.state.messages == before.state.messages >= 3
    assert "wa.forged" not in ((await api.stream_info(COMMANDS_STREAM)).config.subjects or [])


@pytest.mark.parametrize("user", ["realtime", "router", "session", INTEGRATION])
async def test_a_service_cannot_make_a_stream(server: Server, user: str) -> None:
    async with logged_in(server, user) as attacker:
        for stream in (*STREAMS, "MINE", "KV_MINE"):
            for verb in ("CREATE", "UPDATE", "DELETE", "PURGE", "RESTORE", "SNAPSHOT"):
                assert not await attacker.may_publish(f"$JS.API.STREAM.{verb}.{stream}"), (verb, stream)


@pytest.mark.parametrize("key", ["name", "durable_name"])
async def test_realtime_cannot_redirect_the_routers_consumer(server: Server, api: JetStreamContext, key: str) -> None:
    """A request whose subject names no consumer may name one in its body."""
    stolen = {
        key: ROUTERS,
        "deliver_subject": "_INBOX_realtime.stolen",
        "deliver_group": ROUTERS,
        "ack_policy": "explicit",
        "filter_subject": MessageReceived.subject_filter(),
    }
    before = (await api.consumers_info(EVENTS_STREAM))[0].config
    async with logged_in(server, "realtime") as attacker:
        for place in ("CREATE", f"CREATE.{ROUTERS}", f"CREATE.{ROUTERS}.{MessageReceived.subject_filter()}"):
            subject = place.replace("CREATE", f"CONSUMER.CREATE.{EVENTS_STREAM}")
            await call(attacker, subject, stream_name=EVENTS_STREAM, config=stolen)
        await call(
            attacker, f"CONSUMER.DURABLE.CREATE.{EVENTS_STREAM}.{ROUTERS}", stream_name=EVENTS_STREAM, config=stolen
        )
    consumers = {info.name: info.config for info in await api.consumers_info(EVENTS_STREAM)}
    assert consumers[ROUTERS].deliver_subject == before.deliver_subject != "_INBOX_realtime.stolen"


@pytest.mark.parametrize("user", ["realtime", INTEGRATION])
async def test_commands_and_dead_letters_are_read_by_their_services_only(server: Server, user: str) -> None:
    async with logged_in(server, user) as attacker:
        for stream in (COMMANDS_STREAM, DEAD_STREAM, f"KV_{LEASES_BUCKET}"):
            for subject in (
                f"CONSUMER.CREATE.{stream}",
                f"CONSUMER.CREATE.{stream}.mine",
                f"CONSUMER.CREATE.{stream}.mine.wa.>",
                f"CONSUMER.DURABLE.CREATE.{stream}.mine",
                f"CONSUMER.MSG.NEXT.{stream}.mine",
                f"CONSUMER.LIST.{stream}",
                f"CONSUMER.NAMES.{stream}",
                f"CONSUMER.DELETE.{stream}.mine",
                f"STREAM.MSG.GET.{stream}",
                f"STREAM.INFO.{stream}",
                f"DIRECT.GET.{stream}",
                f"DIRECT.GET.{stream}.wa.command.message.send.acme.one",
            ):
                assert not await attacker.may_publish(f"$JS.API.{subject}"), subject
        for stream in STREAMS:
            assert not await attacker.may_publish(f"$JS.API.STREAM.MSG.GET.{stream}")
            assert not await attacker.may_publish(f"$JS.API.DIRECT.GET.{stream}")


async def test_rooms_of_sockets_are_kept_and_found_by_realtime_alone(server: Server) -> None:
    pid, caller = new_id(), ("acme", "ana")
    rooms: list[RoomJoin] = [("join-session", "Loja 1"), ("join_conversation", "c1")]
    async with logged_in(server, "realtime") as realtime:
        links = cast(NatsClients, SimpleNamespace(client=realtime.client, js=jetstream(realtime.client)))
        kept = RoomStore(lambda: links)
        await kept.save(pid, caller, rooms)
        async with asyncio.timeout(20):  # the server stores it a moment later
            while await kept.find(pid, caller) != rooms:
                await asyncio.sleep(0.01)
        assert await kept.find(pid, ("evil", "ana")) == []
        for verb in ("MSG.GET", "PURGE", "DELETE", "UPDATE", "INFO"):
            assert not await realtime.may_publish(f"$JS.API.STREAM.{verb}.{ROOMS_STREAM}")
        assert not await realtime.may_publish(f"$JS.API.CONSUMER.CREATE.{ROOMS_STREAM}.x.wa.rooms.*")
    for user in ("session", "router", INTEGRATION):
        async with logged_in(server, user) as attacker:
            for subject in (ROOMS_PREFIX + pid, f"$JS.API.DIRECT.GET.{ROOMS_STREAM}.{ROOMS_PREFIX}{pid}"):
                assert not await attacker.may_publish(subject), (user, subject)


@pytest.mark.parametrize("user", ["realtime", "session", "router", "api", INTEGRATION])
async def test_nobody_acknowledges_for_another(server: Server, user: str) -> None:
    """`term` for somebody else's message would lose it; `$JS.FC` would keep a consumer going that nobody reads."""
    foreign = {f"{EVENTS_STREAM}.made-up", f"{COMMANDS_STREAM}.made-up", f"KV_{LEASES_BUCKET}.made-up"}
    foreign |= {f"{EVENTS_STREAM}.{ROUTERS}"} if user != "router" else set()
    foreign |= {f"{EVENTS_STREAM}.{INTEGRATION}"} if user != INTEGRATION else set()
    foreign |= {f"{COMMANDS_STREAM}.session-do-session-send"} if user != "session" else set()
    async with logged_in(server, user) as attacker:
        for consumer in foreign:
            assert not await attacker.may_publish(f"$JS.ACK.{consumer}.1.1.1.1.1"), consumer
        assert not await attacker.may_publish(f"$JS.FC.{EVENTS_STREAM}.{ROUTERS}.x")
        assert not await attacker.may_publish(f"$JS.API.CONSUMER.PAUSE.{EVENTS_STREAM}.{ROUTERS}")


@pytest.mark.parametrize(("user", "allowed"), [("session", False), ("router", False), ("api", True)])
async def test_only_who_has_to_ask_may(server: Server, user: str, allowed: bool) -> None:
    async with logged_in(server, user) as connection:
        assert await connection.may_publish(MESSAGES.ListUsers.subject_filter("acme", "-")) is allowed


@pytest.mark.parametrize("user", ["realtime", "router", "session", INTEGRATION])
async def test_the_servers_own_interfaces_are_closed(server: Server, user: str) -> None:
    async with logged_in(server, user) as attacker:
        for subject in (
            "$JS.API.STREAM.LIST",
            "$JS.API.STREAM.NAMES",
            "$SYS.REQ.SERVER.PING",
            "$JS.API.ACCOUNT.PURGE.x",
        ):
            assert not await attacker.may_publish(subject), subject
        for subject in ("$SYS.>", "$JS.>", "$JS.EVENT.>", "$KV.>"):
            assert not await attacker.may_hear(subject), subject


async def test_services_start_before_the_api_and_wait_for_its_streams(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with guarded_server(tmp_path) as server:
        started = list[str]()

        async def start(user: str) -> None:
            settings = Settings(nats_url=url(server.port, user))
            async with connected(make_broker(user, settings), settings):
                started.append(user)

        early = [asyncio.create_task(start(user)) for user in ("router", "session")]
        await until(lambda: caplog.text.count("waiting for the api to declare") >= 2 or started)
        assert started == []
        async with logged_in(server, "api") as api:
            await ensure_streams(jetstream(api.client), Settings())
        await asyncio.wait_for(asyncio.gather(*early), 30)
        assert sorted(started) == ["router", "session"]
        assert "Violation" not in server.log.read_text()


async def test_a_command_is_still_refused_from_whom_it_is_not(server: Server) -> None:
    async with logged_in(server, "session") as attacker:
        assert not await attacker.may_publish(SendMessage.subject_filter("acme", "one"))


async def test_an_integration_asks_no_questions_of_our_own_services(server: Server) -> None:
    """It would try API keys without a limit of its own, or use up the requests of a caller."""
    async with logged_in(server, "integration") as integration, logged_in(server, "realtime") as realtime:
        for query in (VerifyApiKey, TakeRateLimit, CountFailedCredential):
            assert not await integration.may_publish(query.subject_filter("acme", "-")), query
            assert await realtime.may_publish(query.subject_filter("acme", "-")), query
        assert await integration.may_publish(ListContacts.subject_filter("acme", "-"))
