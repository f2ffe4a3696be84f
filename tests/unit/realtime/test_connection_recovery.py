"""Connection recovery: the rooms of a connection that broke are joined again."""

import asyncio
from typing import Any

import pytest

from services.realtime import connection_recovery
from services.realtime.connection_recovery import ConnectionRecovery
from services.realtime.room_store import MAX_ROOMS_PER_CONNECTION, RoomJoin, RoomOwner
from shared.contracts.errors import Problem
from shared.contracts.principal import Principal
from tests.waiting import until

ANA = Principal(organization_id="acme", subject="ana")
SESSION: RoomJoin = ("join-session", "Loja 1")


def conversation(name: str) -> RoomJoin:
    return ("join_conversation", name)


class InMemoryStore:
    """Instead of the stream."""

    def __init__(self) -> None:
        self.rooms: dict[str, tuple[RoomOwner, list[RoomJoin]]] = {}
        self.save_count = 0

    async def save(self, pid: str, owner: RoomOwner, rooms: list[RoomJoin]) -> None:
        self.rooms[pid], self.save_count = (owner, rooms), self.save_count + 1

    async def find(self, pid: str, owner: RoomOwner) -> list[RoomJoin]:
        stored = self.rooms.get(pid, (owner, []))
        return list(stored[1]) if stored[0] == owner else []


class RecordingHandlers:
    """Handlers that record which rooms were joined."""

    def __init__(self) -> None:
        self.joined: list[tuple[str, str, Any]] = []

    def of(self, name: str) -> Any:
        async def join(sid: str, data: Any) -> None:
            if data == "gone":
                raise Problem(404, "conversation_not_found", "there is none")
            if data == "broken":
                raise asyncio.CancelledError
            self.joined.append((sid, name, data))

        return join


async def test_a_client_that_reconnects_to_any_replica_is_in_its_rooms_again() -> None:
    store, rooms = InMemoryStore(), RecordingHandlers()
    one, other = ConnectionRecovery(store), ConnectionRecovery(store)
    pid = one.begin("s1", ANA, None)
    for room in (SESSION, SESSION, conversation("gone"), conversation("c1"), conversation("c2")):
        await one.join("s1", room)
    await one.leave("s1", conversation("c2"))
    await one.end("s1")
    assert other.begin("s2", ANA, {"pid": pid}) != pid
    await other.restore("s2", rooms.of)
    assert rooms.joined == [("s2", *SESSION), ("s2", *conversation("c1"))]
    for sid, replica in (("s2", other), ("s3", one)):  # the rooms of a connection are restored once
        replica.begin("s3", ANA, {"pid": pid})
        await replica.restore(sid, rooms.of)
    assert len(rooms.joined) == 2


async def test_rooms_of_a_killed_process_are_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_recovery, "RENEWAL_INTERVAL_S", 0.01)
    store, rooms = InMemoryStore(), RecordingHandlers()
    killed, other = ConnectionRecovery(store), ConnectionRecovery(store)
    pid = killed.begin("s1", ANA, None)
    killed.begin("without rooms", ANA, None)
    await killed.join("s1", SESSION)
    renewing = asyncio.create_task(killed.renew_forever())
    await until(lambda: store.save_count >= 5)
    renewing.cancel()
    assert list(store.rooms) == [pid]
    other.begin("s2", ANA, {"pid": pid})
    await other.restore("s2", rooms.of)
    assert rooms.joined == [("s2", *SESSION)]


async def test_rooms_not_restored_before_the_next_break_are_restored_after_it() -> None:
    store, rooms = InMemoryStore(), RecordingHandlers()
    one = ConnectionRecovery(store)
    pid = one.begin("s1", ANA, None)
    for room in (conversation("c1"), conversation("broken"), conversation("c2")):
        await one.join("s1", room)
    await one.end("s1")
    second = one.begin("s2", ANA, {"pid": pid})
    with pytest.raises(asyncio.CancelledError):
        await one.restore("s2", rooms.of)
    await one.end("s2")
    assert store.rooms[second][1] == [conversation("broken"), conversation("c2")]


@pytest.mark.parametrize(
    "other", [Principal(organization_id="acme", subject="eve"), ANA.model_copy(update={"organization_id": "evil"})]
)
async def test_the_pid_of_another_caller_restores_nothing(other: Principal) -> None:
    recovery, rooms = ConnectionRecovery(InMemoryStore()), RecordingHandlers()
    pid = recovery.begin("s1", ANA, None)
    await recovery.join("s1", conversation("c1"))
    await recovery.end("s1")
    recovery.begin("s2", other, {"pid": pid})
    await recovery.restore("s2", rooms.of)
    assert rooms.joined == []
    recovery.begin("s3", ANA, {"pid": pid})
    await recovery.restore("s3", rooms.of)
    assert rooms.joined == [("s3", *conversation("c1"))]


@pytest.mark.parametrize("pid", [None, 5, "", "x" * 100_000, {"a": 1}])
async def test_a_client_without_a_valid_pid_is_new(pid: Any) -> None:
    recovery, rooms = ConnectionRecovery(InMemoryStore()), RecordingHandlers()
    assert recovery.begin("s1", ANA, {"pid": pid})
    await recovery.restore("s1", rooms.of)
    assert rooms.joined == []


async def test_of_too_many_rooms_the_newest_are_restored() -> None:
    store = InMemoryStore()
    recovery = ConnectionRecovery(store)
    pid = recovery.begin("s1", ANA, None)
    for number in range(MAX_ROOMS_PER_CONNECTION + 1):
        await recovery.join("s1", conversation(f"c{number}"))
    assert store.rooms[pid][1] == [conversation(f"c{number}") for number in range(1, MAX_ROOMS_PER_CONNECTION + 1)]
