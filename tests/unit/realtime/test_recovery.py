"""The rooms of a connection that broke."""

from typing import Any

import pytest

from services.realtime import recovery
from services.realtime.recovery import Recovery
from shared.auth import Principal
from shared.errors import Problem

ANA = Principal(organization_id="acme", subject="ana")


class Rooms:
    """Handlers that note what was joined."""

    def __init__(self) -> None:
        self.joined: list[tuple[str, str, Any]] = []

    def of(self, name: str) -> Any:
        async def join(sid: str, data: Any) -> None:
            if data == "gone":
                raise Problem(404, "conversation_not_found", "there is none")
            self.joined.append((sid, name, data))

        return join


async def test_a_client_that_comes_back_is_in_its_rooms_again() -> None:
    kept, rooms = Recovery(), Rooms()
    pid = kept.begin("s1", ANA, None)
    kept.join("s1", "join-session", "Loja 1")
    kept.join("s1", "join-session", "Loja 1")
    kept.join("s1", "join_conversation", "gone")
    kept.join("s1", "join_conversation", "c1")
    kept.join("s1", "join_conversation", "c2")
    kept.leave("s1", "join_conversation", "c2")
    kept.end("s1")
    assert kept.begin("s2", ANA, {"pid": pid}) != pid
    await kept.restore("s2", rooms.of)
    assert rooms.joined == [("s2", "join-session", "Loja 1"), ("s2", "join_conversation", "c1")]
    await kept.restore("s2", rooms.of)
    assert len(rooms.joined) == 2


@pytest.mark.parametrize(
    "other", [Principal(organization_id="acme", subject="eve"), ANA.model_copy(update={"organization_id": "evil"})]
)
async def test_the_pid_of_another_caller_gives_nothing(other: Principal) -> None:
    kept, rooms = Recovery(), Rooms()
    pid = kept.begin("s1", ANA, None)
    kept.join("s1", "join_conversation", "c1")
    kept.end("s1")
    kept.begin("s2", other, {"pid": pid})
    await kept.restore("s2", rooms.of)
    assert rooms.joined == []
    kept.begin("s3", ANA, {"pid": pid})
    await kept.restore("s3", rooms.of)
    assert rooms.joined == [("s3", "join_conversation", "c1")]


@pytest.mark.parametrize("pid", [None, 5, "", "x" * 100_000, {"a": 1}])
async def test_no_pid_of_ours_is_a_new_client(pid: Any) -> None:
    kept, rooms = Recovery(), Rooms()
    assert kept.begin("s1", ANA, {"pid": pid})
    await kept.restore("s1", rooms.of)
    assert rooms.joined == []


async def test_what_is_kept_is_bounded_in_number_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recovery, "MAX_BROKEN_CONNECTIONS", 2)
    kept, rooms = Recovery(), Rooms()
    pids = []
    for number in range(3):
        pids.append(kept.begin(f"s{number}", ANA, None))
        for room in range(recovery.MAX_ROOMS_PER_CONNECTION + 1):
            kept.join(f"s{number}", "join_conversation", f"c{room}")
        kept.end(f"s{number}")
    kept.begin("first", ANA, {"pid": pids[0]})
    kept.begin("last", ANA, {"pid": pids[2]})
    await kept.restore("first", rooms.of)
    assert rooms.joined == []
    await kept.restore("last", rooms.of)
    assert [data for _, _, data in rooms.joined] == [f"c{room}" for room in range(1, 51)]
    monkeypatch.setattr(recovery, "KEPT_S", -1.0)
    kept.begin("late", ANA, {"pid": pids[1]})
    await kept.restore("late", rooms.of)
    assert len(rooms.joined) == 50
