"""No memory remains of closed sockets, and of organizations and addresses without any."""

import time
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest
from nats.errors import Error as NatsError

from services.realtime.backlog import BacklogLimits, Backlogs, PacketQueue
from services.realtime.connection_registry import ConnectionRegistry
from services.realtime.ephemeral_feed import EphemeralFeed
from services.realtime.rate_budget import RateBudget
from services.realtime.revoked_access import RevocationList
from services.realtime.server import RealtimeServer
from services.realtime.settings import RealtimeSettings
from shared.contracts.errors import Problem
from shared.contracts.events import AccessRevoked
from shared.contracts.ids import new_id
from shared.contracts.message import Query
from shared.contracts.principal import Principal
from tests.integration.realtime.conftest import service, token
from tests.security.socket_clients import logged_in, raw_client
from tests.waiting import until


def sizes(owner: object) -> dict[str, int]:
    """The length of every collection among its attributes."""
    return {name: len(value) for name, value in vars(owner).items() if hasattr(value, "__len__")}


async def test_after_all_sockets_closed_no_entries_remain(nats_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """12fd981: a lock per organization stayed for ever."""
    servers: list[RealtimeServer] = []

    def make(settings: RealtimeSettings) -> RealtimeServer:
        servers.append(RealtimeServer(settings))
        return servers[-1]

    monkeypatch.setattr("services.realtime.app.RealtimeServer", make)
    async with service(nats_url, socket_login_time=30) as url:
        server, rooms = servers[0], servers[0]._rooms
        connections: ConnectionRegistry = server.sio.connections
        parts: tuple[object, ...] = (rooms, connections, server._access, server.sio, server.sio.eio, server.sio.manager)
        before = [sizes(part) for part in parts]
        async with AsyncExitStack() as stack:
            for number in range(30):
                client = await stack.enter_async_context(logged_in(url, token(new_id(), timedelta(minutes=5))))
                await client.call("join-session", f"session-{number}")
            for _ in range(10):
                await stack.enter_async_context(raw_client(url))
            assert len(connections) == 40
            for packet in ("40", '40{"token":"wrong"}', "40/admin,", "42{"):
                async with raw_client(url) as client:
                    await client.send(packet)
                    await until(lambda: client.logins or client.closed)
        await until(lambda: [sizes(part) for part in parts] == before)


async def test_a_room_that_could_not_be_opened_leaves_no_subscription(
    nats_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers: list[RealtimeServer] = []

    def make(settings: RealtimeSettings) -> RealtimeServer:
        servers.append(RealtimeServer(settings))
        return servers[-1]

    async def failing(_: EphemeralFeed) -> None:
        raise NatsError("made up")

    monkeypatch.setattr("services.realtime.app.RealtimeServer", make)
    monkeypatch.setattr(EphemeralFeed, "start", failing)
    async with service(nats_url) as url:
        subscriptions = servers[0].require_nats().client._subs
        before = len(subscriptions)
        async with raw_client(url) as client:
            await client.send(f'40{{"token":"{token(new_id(), timedelta(minutes=5))}"}}')
            await until(lambda: client.logins)
        assert len(subscriptions) == before
        assert not servers[0]._require_rooms()._open_rooms


async def test_rate_limits_track_a_limited_number_of_callers(monkeypatch: Any) -> None:
    monkeypatch.setattr("services.realtime.rate_budget.MAX_TRACKED_KEYS", 50)

    async def unreachable(_: Query) -> dict[str, Any]:
        raise Problem(503, "nobody_answers", "")

    budget = RateBudget(unreachable, 600)
    for number in range(500):
        await budget.take(Principal(organization_id="acme", subject=str(number)))
    assert max(sizes(budget).values()) <= 50


def test_many_revoked_logins_are_collapsed_and_all_stay_revoked() -> None:
    """12fd981: each was stored for the lifetime of a token."""
    revocations = RevocationList(timedelta(hours=12))
    people = [
        Principal(organization_id="acme", subject="nina", session_id=str(number), expires_at=time.time() + 60)
        for number in range(30_000)
    ]
    for person in people:
        revocations.add(
            AccessRevoked(organization_id="acme", code="login_ended", reason="", login_ids=(str(person.session_id),))
        )
    assert max(sizes(revocations).values()) < 25_000
    assert all(revocations.revocation_for(person) for person in people)
    later = people[0].model_copy(update={"session_id": "new", "expires_at": time.time() + 13 * 3600})
    assert revocations.revocation_for(later) is None
    other = Principal(organization_id="globex", subject="nina", session_id="1", expires_at=10**10)
    assert revocations.revocation_for(other) is None


def test_packets_count_as_backlog_until_they_are_written() -> None:
    backlogs = Backlogs(BacklogLimits(10, 1_000_000, 2_000_000, 3_000_000))
    queue = PacketQueue()
    queue.set_size_listener(backlogs.counter_for("acme"))

    class Packet:
        data = "x" * 100_000

    for _ in range(9):
        assert backlogs.fits("acme", queue, [Packet()])
        queue.put_nowait(Packet())
    assert not backlogs.fits("acme", queue, [Packet(), Packet()])
    assert not backlogs.is_drained("acme", queue)
    packets_read = 0
    while not queue.empty() and packets_read < 1:
        queue.get_nowait()
        packets_read += 1
    assert backlogs.total == queue.bytes == 8 * 100_100
    queue.clear()
    assert (backlogs.total, queue.bytes) == (0, 0)


def test_organizations_share_the_backlog_of_the_process() -> None:
    backlogs = Backlogs(BacklogLimits(1_000, 1_000, 10_000, 10_000))
    backlogs.counter_for("greedy")(9_500)
    backlogs.counter_for("small")(400)
    queue = PacketQueue()

    class Packet:
        data = "x" * 400

    queue.put_nowait(Packet())
    assert not backlogs.fits("greedy", queue, [Packet()])
    assert backlogs.fits("small", queue, [Packet()])
