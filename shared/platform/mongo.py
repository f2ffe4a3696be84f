"""MongoDB. Only this module imports motor, so that its successor concerns one file (docs/decisions/0002)."""

import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar, cast

from motor.frameworks import asyncio as motor_framework
from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorClientSession,
    AsyncIOMotorCollection,
    AsyncIOMotorDatabase,
)
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
D = TypeVar("D", bound=Mapping[str, Any])
Document = dict[str, Any]
MongoQuery = dict[str, Any]
"""A filter, or a stage or an expression of a pipeline."""
MongoUpdate = dict[str, Any]
"""The operators of an update, or the fields of one operator."""
Database = AsyncIOMotorDatabase[Document]
Collection = AsyncIOMotorCollection[Document]
CollectionOf = AsyncIOMotorCollection
"""With the type of its documents, a typed dictionary: see `collection_of`."""
ClientSession = AsyncIOMotorClientSession
"""Of a transaction."""

TRANSIENT_ERRORS: tuple[type[Exception], ...] = (
    AutoReconnect,
    ConnectionFailure,
    ExecutionTimeout,
    WTimeoutError,
    WriteConcernError,
)
"""MongoDB is unreachable or has no primary: the same operation may succeed later."""

ONE_COPY = WriteConcern(w=1)
"""For counters whose last increments may be lost in a failover."""

__all__ = [
    "ONE_COPY",
    "TRANSIENT_ERRORS",
    "BulkWriteError",
    "ClientSession",
    "Collection",
    "CollectionOf",
    "Database",
    "Document",
    "DuplicateKeyError",
    "ExecutionTimeout",
    "IndexModel",
    "MongoQuery",
    "MongoUpdate",
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
    """A database with write concern `majority`; times are aware, in UTC."""
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


def collection_of(database: Database, name: str, _document: type[D]) -> CollectionOf[D]:
    """The collection, whose documents are typed dictionaries. Nothing checks them: a document of another version may
    lack fields that the type requires."""
    return cast(CollectionOf[D], database[name])


async def in_transaction(database: Database, work: Callable[[ClientSession], Coroutine[Any, Any, R]]) -> R:
    """Call `work` with a session in a transaction and return its result; again after a write conflict."""
    with transaction_threads():
        async with await database.client.start_session() as session:
            result: R = await session.with_transaction(work)
            return result


class IndexesFailed(Exception):
    """Indexes could not be created; the message names each with MongoDB's reason."""


async def ensure_indexes(database: Database, indexes: Mapping[str, Sequence[IndexModel]]) -> None:
    """Create missing indexes, by collection name. When one fails, the others are created all the same.

    Raises IndexesFailed.
    """
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
    """Drop indexes of earlier versions, by collection name; idempotent. Their successors must exist."""
    for collection, retired in names.items():
        present = await database[collection].index_information()
        for name in [name for name in retired if name in present]:
            log.info("dropping the index %s of %s, which this version does not use", name, collection)
            with suppress(OperationFailure):  # another replica was first
                await database[collection].drop_index(name)


async def ensure_views(database: Database) -> None:
    """Create or update the views of shared/platform/mongo_roles.py. Only the api has the permission."""
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
