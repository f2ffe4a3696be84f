"""MongoDB: the only module that imports motor, so that its successor is one file away (docs/decisions/0002).

The rest of the code names the types of this module.
"""

import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from motor.frameworks import asyncio as motor_framework
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import IndexModel, UpdateOne, WriteConcern
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
    WTimeoutError,
)

from shared.platform.mongo_roles import VIEWS
from shared.platform.mongo_threads import Threads, transaction_threads
from shared.platform.settings import Settings

R = TypeVar("R")
Document = dict[str, Any]
Database = AsyncIOMotorDatabase[Document]
Collection = AsyncIOMotorCollection[Document]

TRANSIENT_ERRORS: tuple[type[Exception], ...] = (
    AutoReconnect,
    ConnectionFailure,
    ExecutionTimeout,
    WTimeoutError,
    WriteConcernError,
)
"""MongoDB is away or has no primary: the same write may succeed later."""

ONE_COPY = WriteConcern(w=1)
"""For counters whose last steps may be lost in a failover."""

__all__ = [
    "ONE_COPY",
    "TRANSIENT_ERRORS",
    "BulkWriteError",
    "Collection",
    "Database",
    "Document",
    "DuplicateKeyError",
    "ExecutionTimeout",
    "IndexModel",
    "OperationFailure",
    "PyMongoError",
    "UpdateOne",
    "WriteConcernError",
]

_NAMESPACE_EXISTS = 48

motor_framework._EXECUTOR = Threads()

log = logging.getLogger(__name__)


@asynccontextmanager
async def open_mongo(settings: Settings) -> AsyncIterator[Database]:
    """A database whose writes are acknowledged by a majority and whose times are aware UTC."""
    client: Any = AsyncIOMotorClient(
        settings.mongo_url,
        tz_aware=True,
        w="majority",
        serverSelectionTimeoutMS=5_000,
        connectTimeoutMS=5_000,
        retryWrites=True,
        appname="switchboard",
    )
    try:
        yield client[settings.mongo_database]
    finally:
        client.close()


async def in_transaction(database: Database, work: Callable[[Any], Coroutine[Any, Any, R]]) -> R:
    """What `work` answers. It gets the session, and is called again when another transaction was in the way."""
    with transaction_threads():
        async with await database.client.start_session() as session:
            done: R = await session.with_transaction(work)
            return done


class IndexesFailed(Exception):
    """Some indexes could not be made; the message names each with MongoDB's reason."""


async def ensure_indexes(database: Database, indexes: Mapping[str, Sequence[IndexModel]]) -> None:
    """Create what is missing, by collection name. One that cannot be made keeps no other from being made."""
    failed: list[str] = []
    for name, models in indexes.items():
        try:
            await database[name].create_indexes(list(models))
        except TRANSIENT_ERRORS:
            raise
        except OperationFailure:
            failed += await _create_each(database[name], models)
    if failed:
        raise IndexesFailed("; ".join(failed))


async def _create_each(collection: Collection, models: Sequence[IndexModel]) -> list[str]:
    failed: list[str] = []
    for model in models:
        try:
            await collection.create_indexes([model])
        except TRANSIENT_ERRORS:
            raise
        except OperationFailure as error:
            failed.append(f"{collection.name}.{model.document['name']}: {str(error)[:300]}")
    return failed


async def drop_indexes(database: Database, names: Mapping[str, Sequence[str]]) -> None:
    """Drop what earlier versions made, by collection name, once its successor is there; repeatable."""
    for collection, retired in names.items():
        present = await database[collection].index_information()
        for name in [name for name in retired if name in present]:
            log.info("dropping the index %s of %s, which has a successor", name, collection)
            with suppress(OperationFailure):  # another replica was first
                await database[collection].drop_index(name)


async def ensure_views(database: Database) -> None:
    """Make the views of shared/platform/mongo_roles.py, or change those of an earlier version. Only the api may."""
    for name, view in VIEWS.items():
        pipeline = [{"$project": dict.fromkeys(view.fields, 1)}]
        try:
            await database.command({"create": name, "viewOn": view.of, "pipeline": pipeline})
        except OperationFailure as error:
            if error.code != _NAMESPACE_EXISTS:
                raise
            await database.command({"collMod": name, "viewOn": view.of, "pipeline": pipeline})


async def ping(database: Database) -> None:
    """Raises when MongoDB does not answer."""
    await database.command("ping")
