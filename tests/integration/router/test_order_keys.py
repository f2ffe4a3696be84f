"""What earlier versions stored gets order keys that keep everything in its place, and everything read that was read."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.router.store.migrations.order_keys import add_order_keys
from shared.contracts.order_keys import key_at
from shared.platform.mongo import Database, Document
from tests.integration.router.conftest import Router

NOON = datetime(2025, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
async def database(router: Router) -> Database:
    return router.database


def message(name: str, second: int, direction: str = "inbound", talk: str | None = "v") -> Document:
    at = NOON + timedelta(seconds=second)
    return {"_id": name, "conversation_id": talk, "direction": direction, "timestamp": at, "wa_id": name}


def conversation(newest: Document, **fields: Any) -> Document:
    last = {"id": newest["_id"], "timestamp": newest["timestamp"]}
    return {"_id": "v", "contact_id": "c", "updated_at": newest["timestamp"], "last_message": last} | fields


async def keys(database: Database) -> dict[str, int]:
    return {item["_id"]: item["order_key"] async for item in database["messages"].find()}


async def test_nothing_changes_its_place(database: Database, seed: int) -> None:
    dice = random.Random(seed)
    said = [message(f"{n:02}-{dice.random()}", dice.randrange(6), talk=dice.choice("vw")) for n in range(60)]
    said += [message(f"note {n}", n, talk=None) for n in range(3)]
    await database["messages"].insert_many(said)
    await add_order_keys(database)
    for talk in ("v", "w", None):
        own = [each for each in said if each["conversation_id"] == talk]
        before = [each["_id"] for each in sorted(own, key=lambda each: (each["timestamp"], each["_id"]))]
        found = await database["messages"].find({"conversation_id": talk}).sort("order_key", 1).to_list(None)
        assert [each["_id"] for each in found] == before
        assert len({each["order_key"] for each in found}) == len(found)


async def test_it_may_end_in_the_middle_and_run_again(database: Database) -> None:
    said = [message(f"m{n}", 0) for n in range(5)]
    await database["messages"].insert_many(said)
    await add_order_keys(database)
    expected = await keys(database)
    for lost in (["m2", "m4"], ["m1"], ["m0", "m1", "m2", "m3", "m4"]):
        await database["messages"].update_many({"_id": {"$in": lost}}, {"$set": {"order_key": expected["m0"]}})
        await add_order_keys(database)
        assert await keys(database) == expected


async def test_what_is_new_keeps_the_key_it_has(database: Database) -> None:
    await database["messages"].insert_many([message("old", 0), message("new", 0) | {"order_key": 7}])
    await add_order_keys(database)
    assert await keys(database) == {"old": key_at(NOON), "new": 7}


async def test_a_time_that_is_still_to_come_counts_as_now(database: Database) -> None:
    later = 10 * 365 * 24 * 3600
    await database["messages"].insert_many([message("b", later), message("a", later + 1), message("c", -later * 10)])
    await add_order_keys(database)
    found = await keys(database)
    assert 0 == found["c"] < found["b"] < found["a"] <= key_at(datetime.now(UTC)) + 1


@pytest.mark.parametrize(
    ("mark", "unread"),
    [
        ({"at": NOON + timedelta(seconds=2), "ids": ["b"]}, ["c", "d", "e"]),
        ({"at": NOON + timedelta(seconds=2), "ids": ["b", "c"]}, ["d", "e"]),
        ({"at": NOON + timedelta(seconds=2), "ids": []}, ["b", "c", "d", "e"]),
        ({"at": NOON + timedelta(seconds=2), "ids": ["c"]}, ["b", "c", "d", "e"]),  # rather unread than never seen
        ({"at": NOON + timedelta(seconds=9), "ids": []}, []),
    ],
)
async def test_what_was_unread_is_unread(database: Database, mark: Document, unread: list[str]) -> None:
    said = [message("a", 1), message("b", 2), message("c", 2), message("d", 3), message("e", 4)]
    said += [message("z", 5, "outbound")]
    closing = {"at": NOON, "id": "x", "by": None, "closed": True, "seen": mark}
    await database["messages"].insert_many(said)
    facts = {"read_up_to": mark, "ticked_up_to": mark, "closing": closing, "last_inbound": {"at": NOON, "ids": ["e"]}}
    await database["conversations"].insert_one(conversation(said[-1], **facts))
    for _ in range(2):
        await add_order_keys(database)
    found, of = await database["conversations"].find_one({"_id": "v"}), await keys(database)
    assert found
    assert (found["order_key"], found["last_message"]["order_key"], found["inbound_key"]) == (of["z"], of["z"], of["e"])
    inbound = [each["_id"] for each in said if each["direction"] == "inbound"]
    assert [name for name in inbound if of[name] > found["read_key"]] == unread
    assert found["read_key"] == found["ticked_key"] == found["closing"]["seen_key"]
    assert not {"read_up_to", "ticked_up_to", "last_inbound"} & set(found)


async def test_a_conversation_without_messages_keeps_its_time(database: Database) -> None:
    await database["conversations"].insert_one({"_id": "v", "contact_id": "c", "updated_at": NOON})
    await add_order_keys(database)
    found = await database["conversations"].find_one({"_id": "v"})
    assert found
    assert found["order_key"] == key_at(NOON)
