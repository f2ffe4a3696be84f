"""Migration steps with real locks: done once, by one replica at a time, and a step that fails stops nobody."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from services.router.store import open_store
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.platform.migrations import MigrationStep, failed_steps, index_step, migrate
from shared.platform.mongo import Collection, Database, IndexModel, open_mongo
from shared.platform.settings import Settings
from tests.servers import mongod, start_replica_set
from tests.waiting import until

SHORT_TTL_S = 0.3
BOUND_S = 60


@pytest.fixture
async def database(mongo_url: str) -> AsyncIterator[Database]:
    async with open_mongo(Settings(mongo_url=mongo_url, mongo_database=f"migrations_{new_id()[:8]}")) as opened:
        yield opened
        await opened.client.drop_database(opened.name)


@pytest.fixture
def marks(database: Database) -> Collection:
    return database["router_migrations"]


def counting(name: str, **fields: object) -> MigrationStep:
    """Counts in the database how often it ran."""

    async def run(database: Database) -> None:
        await database["runs"].update_one({"_id": name}, {"$inc": {"count": 1}}, upsert=True)

    return MigrationStep(name, run, **fields)  # type: ignore[arg-type]


def failing(name: str, **fields: object) -> MigrationStep:
    async def run(database: Database) -> None:
        raise KeyError("a field that is not there")

    return MigrationStep(name, run, **fields)  # type: ignore[arg-type]


async def runs(database: Database) -> dict[str, int]:
    return {item["_id"]: item["count"] async for item in database["runs"].find()}


async def test_many_replicas_do_a_step_once_and_none_starts_before_it_is_done(
    database: Database, marks: Collection
) -> None:
    async def slow(database: Database) -> None:
        await database["runs"].update_one({"_id": "begun"}, {"$inc": {"count": 1}}, upsert=True)
        for _ in range(20):
            await database["runs"].find_one()
        await database["runs"].update_one({"_id": "ended"}, {"$inc": {"count": 1}}, upsert=True)

    async def replica() -> dict[str, int]:
        assert await migrate(marks, [MigrationStep("slow", slow)]) == []
        return await runs(database)

    seen = await asyncio.wait_for(asyncio.gather(*(replica() for _ in range(8))), BOUND_S)
    assert seen == [{"begun": 1, "ended": 1}] * 8
    assert await marks.find_one({"_id": "_lock"}) is None


async def test_a_step_is_done_again_only_for_another_version(database: Database, marks: Collection) -> None:
    for version in ("1", "1", "2", "2", "1"):
        assert await migrate(marks, [counting("one", version=version)]) == []
    assert await runs(database) == {"one": 3}


async def test_a_failed_step_says_so_and_is_tried_again_at_the_next_start(
    database: Database, marks: Collection, caplog: pytest.LogCaptureFixture
) -> None:
    steps = [failing("bad"), counting("needs it", after=("bad",)), counting("needs that", after=("needs it",))]
    assert await migrate(marks, [*steps, counting("other")]) == ["bad", "needs it", "needs that"]
    assert await runs(database) == {"other": 1}
    assert "the migration step bad failed" in caplog.text
    bad = await marks.find_one({"_id": "bad"})
    assert bad is not None
    assert "a field that is not there" in bad["error"]
    assert failed_steps.labels(marks.name)._value.get() == 3
    repaired = [counting("bad"), counting("needs it", after=("bad",)), counting("needs that", after=("needs it",))]
    assert await migrate(marks, [*repaired, counting("other")]) == []
    assert await runs(database) == {"bad": 1, "needs it": 1, "needs that": 1, "other": 1}
    assert failed_steps.labels(marks.name)._value.get() == 0


async def test_the_lock_of_a_replica_that_died_is_taken_over(database: Database, marks: Collection) -> None:
    await marks.insert_one({"_id": "_lock", "holder": "dead", "expires_at": utc_now() + timedelta(seconds=SHORT_TTL_S)})
    assert await asyncio.wait_for(migrate(marks, [counting("one")], lock_ttl_s=SHORT_TTL_S), BOUND_S) == []
    assert await runs(database) == {"one": 1}


async def test_a_replica_that_was_killed_within_a_step_leaves_it_to_another(
    database: Database, marks: Collection
) -> None:
    async def forever(database: Database) -> None:
        await database["runs"].update_one({"_id": "begun"}, {"$inc": {"count": 1}}, upsert=True)
        await asyncio.Event().wait()

    first = asyncio.create_task(migrate(marks, [MigrationStep("one", forever)]))
    await until(lambda: database["runs"].find_one({"_id": "begun"}))
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    assert await asyncio.wait_for(migrate(marks, [counting("one")]), BOUND_S) == []
    assert await runs(database) == {"begun": 1, "one": 1}


async def test_a_step_may_take_longer_than_the_lock_lives(database: Database, marks: Collection) -> None:
    async def long(database: Database) -> None:
        await database["runs"].update_one({"_id": "begun"}, {"$inc": {"count": 1}}, upsert=True)
        lock = await marks.find_one({"_id": "_lock"})
        assert lock
        later = lock["expires_at"] + timedelta(seconds=2 * SHORT_TTL_S)
        await until(lambda: marks.find_one({"_id": "_lock", "expires_at": {"$gt": later}}))

    both = (migrate(marks, [MigrationStep("long", long)], lock_ttl_s=SHORT_TTL_S) for _ in range(2))
    assert await asyncio.wait_for(asyncio.gather(*both), BOUND_S) == [[], []]
    assert await runs(database) == {"begun": 1}


async def test_a_replica_that_lost_the_lock_ends_its_step_and_waits(database: Database, marks: Collection) -> None:
    """It was suspended for longer than its lock lives, and another one took over."""
    ended: list[str] = []

    async def forever(database: Database) -> None:
        try:
            await database["runs"].update_one({"_id": "begun"}, {"$inc": {"count": 1}}, upsert=True)
            await asyncio.Event().wait()
        finally:
            ended.append("ended")

    slow = asyncio.create_task(migrate(marks, [MigrationStep("one", forever)], lock_ttl_s=SHORT_TTL_S))
    await until(lambda: database["runs"].find_one({"_id": "begun"}))
    other = {"holder": "another", "expires_at": utc_now() + timedelta(hours=1)}
    await marks.update_one({"_id": "_lock"}, {"$set": other})
    await until(lambda: ended)
    await marks.insert_one({"_id": "one", "version": "1", "done_at": utc_now()})
    assert await asyncio.wait_for(slow, BOUND_S) == []


async def test_an_index_that_cannot_be_made_keeps_no_other_from_being_made(
    database: Database, marks: Collection, caplog: pytest.LogCaptureFixture
) -> None:
    await database["things"].insert_many([{"key": 1}, {"key": 1}])
    models = [IndexModel("key", unique=True, name="unique_key"), IndexModel("other", name="other")]
    step = index_step({"things": models, "more": [IndexModel("x", name="x")]})
    assert await migrate(marks, [step]) == ["indexes"]
    assert set(await database["things"].index_information()) == {"_id_", "other"}
    assert set(await database["more"].index_information()) == {"_id_", "x"}
    assert "things.unique_key" in caplog.text
    await database["things"].delete_one({"key": 1})
    assert await migrate(marks, [step]) == []
    assert "unique_key" in await database["things"].index_information()


async def test_indexes_are_made_again_after_a_downgrade(database: Database, marks: Collection) -> None:
    old = index_step({"things": [IndexModel("a", name="old")]})
    new = index_step({"things": [IndexModel("b", name="new")]}, {"things": ["old"]})
    await migrate(marks, [old])
    await migrate(marks, [new])
    assert set(await database["things"].index_information()) == {"_id_", "new"}
    await migrate(marks, [old])
    assert set(await database["things"].index_information()) == {"_id_", "new", "old"}


async def test_the_router_starts_although_an_index_cannot_be_made(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    twice = {"contact_id": "anna", "open": True}
    await database["bookings"].insert_many([{"_id": "1", **twice}, {"_id": "2", **twice}])
    store = await open_store(database)
    assert await store.messages.by_id("nothing") is None
    assert "bookings.one_open_or_apart" in caplog.text
    assert len(await database["messages"].index_information()) > 5


async def test_migrating_waits_for_mongodb(tmp_path: Path) -> None:
    server = mongod(tmp_path)
    settings = Settings(mongo_url=f"mongodb://127.0.0.1:{server.port}/?replicaSet=rs0")
    async with open_mongo(settings) as database:
        waiting = asyncio.create_task(migrate(database["router_migrations"], [counting("one")]))
        await server.start()
        try:
            await start_replica_set(f"127.0.0.1:{server.port}")
            assert await asyncio.wait_for(waiting, BOUND_S) == []
            assert await runs(database) == {"one": 1}
        finally:
            await server.kill()
