"""The rooms of a connection that broke."""

import asyncio
from typing import Any

import pytest

from services.realtime import connection_recovery
from services.realtime.connection_recovery import ConnectionRecovery
from services.realtime.room_store import MAX_ROOMS_PER_CONNECTION, RoomJoin, RoomOwner
from shared.contracts.errors import Problem
from shared.contracts.principal import Principal

ANA = Principal(organization_id="acme", subject="ana")
SESSION: RoomJoin = ("join-session", "Loja 1")


def talk(name: str) -> RoomJoin:
    return ("join_conversation", name)


class Memory:
    """In the place of the stream."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[RoomOwner, list[RoomJoin]]] = {}
        self.saves = 0

    async def save(self, pid: str, owner: RoomOwner, rooms: list[RoomJoin]) -> None:
        self.kept[pid], self.saves = (owner, rooms), self.saves + 1

    async def find(self, pid: str, owner: RoomOwner) -> list[RoomJoin]:
        found = self.kept.get(pid, (owner, []))
        return list(found[1]) if found[0] == owner else []


class Rooms:
    """Handlers that note what was joined."""

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


async def test_a_client_that_comes_back_is_in_its_rooms_again_at_any_replica() -> None:
    memory, rooms = Memory(), Rooms()
    one, other = ConnectionRecovery(memory), ConnectionRecovery(memory)
    pid = one.begin("s1", ANA, None)
    for room in (SESSION, SESSION, talk("gone"), talk("c1"), talk("c2")):
        await one.join("s1", room)
    await one.leave("s1", talk("c2"))
    await one.end("s1")
    assert other.begin("s2", ANA, {"pid": pid}) != pid
    await other.restore("s2", rooms.of)
    assert rooms.joined == [("s2", *SESSION), ("s2", *talk("c1"))]
    for sid, replica in (("s2", other), ("s3", one)):  # each connection is followed once
        replica.begin("s3", ANA, {"pid": pid})
        await replica.restore(sid, rooms.of)
    assert len(rooms.joined) == 2


async def test_a_process_that_is_killed_says_no_goodbye(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_recovery, "RENEWAL_INTERVAL_S", 0.01)
    memory, rooms = Memory(), Rooms()
    killed, other = ConnectionRecovery(memory), ConnectionRecovery(memory)
    pid = killed.begin("s1", ANA, None)
    killed.begin("without rooms", ANA, None)
    await killed.join("s1", SESSION)
    renewing = asyncio.create_task(killed.renew_forever())
    async with asyncio.timeout(20):
        while memory.saves < 5:
            await asyncio.sleep(0.01)
    renewing.cancel()
    assert list(memory.kept) == [pid]
    other.begin("s2", ANA, {"pid": pid})
    await other.restore("s2", rooms.of)
    assert rooms.joined == [("s2", *SESSION)]


async def test_what_was_not_restored_when_the_connection_broke_again_is_restored_on_the_next_one() -> None:
    memory, rooms = Memory(), Rooms()
    one = ConnectionRecovery(memory)
    pid = one.begin("s1", ANA, None)
    for room in (talk("c1"), talk("broken"), talk("c2")):
        await one.join("s1", room)
    await one.end("s1")
    second = one.begin("s2", ANA, {"pid": pid})
    with pytest.raises(asyncio.CancelledError):
        await one.restore("s2", rooms.of)
    await one.end("s2")
    assert memory.kept[second][1] == [talk("broken"), talk("c2")]


@pytest.mark.parametrize(
    "other", [Principal(organization_id="acme", subject="eve"), ANA.model_copy(update={"organization_id": "evil"})]
)
async def test_the_pid_of_another_caller_gives_nothing(other: Principal) -> None:
    kept, rooms = ConnectionRecovery(Memory()), Rooms()
    pid = kept.begin("s1", ANA, None)
    await kept.join("s1", talk("c1"))
    await kept.end("s1")
    kept.begin("s2", other, {"pid": pid})
    await kept.restore("s2", rooms.of)
    assert rooms.joined == []
    kept.begin("s3", ANA, {"pid": pid})
    await kept.restore("s3", rooms.of)
    assert rooms.joined == [("s3", *talk("c1"))]


@pytest.mark.parametrize("pid", [None, 5, "", "x" * 100_000, {"a": 1}])
async def test_no_pid_of_ours_is_a_new_client(pid: Any) -> None:
    kept, rooms = ConnectionRecovery(Memory()), Rooms()
    assert kept.begin("s1", ANA, {"pid": pid})
    await kept.restore("s1", rooms.of)
    assert rooms.joined == []


async def test_a_connection_keeps_its_newest_rooms() -> None:
    memory = Memory()
    kept = ConnectionRecovery(memory)
    pid = kept.begin("s1", ANA, None)
    for number in range(MAX_ROOMS_PER_CONNECTION + 1):
        await kept.join("s1", talk(f"c{number}"))
    assert memory.kept[pid][1] == [talk(f"c{number}") for number in range(1, MAX_ROOMS_PER_CONNECTION + 1)]
