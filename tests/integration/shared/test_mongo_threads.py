"""A transaction goes on while many others wait for the documents it has changed."""

import asyncio
from contextvars import copy_context
from typing import Any

from shared.contracts.ids import new_id
from shared.platform.mongo import in_transaction, open_mongo
from shared.platform.mongo_threads import MAX_THREADS
from shared.platform.settings import Settings


async def test_writes_that_wait_for_a_transaction_leave_it_its_threads(mongo_url: str) -> None:
    settings = Settings(mongo_url=mongo_url, mongo_database=f"threads_{new_id()[:12]}")
    async with open_mongo(settings) as database, asyncio.timeout(40):
        rows, waiting = database["rows"], list[asyncio.Task[Any]]()
        outside = copy_context()
        await rows.insert_many([{"_id": 1, "n": 0}, {"_id": 2, "n": 0}])

        async def work(session: Any) -> None:
            await rows.update_one({"_id": 1}, {"$inc": {"n": 100}}, session=session)
            for _ in range(0 if waiting else 3 * MAX_THREADS):
                waiting.append(asyncio.create_task(plus_one(), context=outside.copy()))
            await asyncio.sleep(0)  # all are handed to the driver
            await rows.update_one({"_id": 2}, {"$inc": {"n": 1}}, session=session)

        async def plus_one() -> None:
            await rows.update_one({"_id": 1}, {"$inc": {"n": 1}})

        await in_transaction(database, work)
        await asyncio.gather(*waiting)
        assert [row["n"] async for row in rows.find().sort("_id")] == [100 + 3 * MAX_THREADS, 1]
        await database.client.drop_database(database.name)
