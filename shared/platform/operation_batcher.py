"""Group commit: operations of concurrent handlers on one collection share a round trip to MongoDB."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from shared.platform.background import run_once
from shared.platform.mongo import (
    BulkWriteError,
    CollectionOf,
    DuplicateKeyError,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
)

T = TypeVar("T")
R = TypeVar("R")
D = TypeVar("D", bound=Mapping[str, Any])

CONCURRENT_OPERATIONS = 1
"""Round trips of one kind at the same time. With two, groups are half as large and each message takes a sixth more
processor time."""
MAX_OPERATION_SIZE = 200
"""Items in one round trip."""


class OperationBatcher(Generic[T, R]):
    """Makes a function of one item from `work`, a function of many. A call runs at once unless an operation is running;
    calls that arrive meanwhile run together in the next one. A call is never delayed to fill a batch.

    `work` returns a result for each item, in their order; a result that is an exception is raised to its caller only.
    The loop of shared/messaging/batch_consumer.py is another one: there slow batches give their slot to the next.
    """

    def __init__(
        self,
        work: Callable[[Sequence[T]], Awaitable[Sequence[R | Exception]]],
        concurrency: int = CONCURRENT_OPERATIONS,
    ) -> None:
        self._work = work
        self._free_slots = concurrency
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []

    async def __call__(self, item: T) -> R:
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._free_slots:
            self._free_slots -= 1
            run_once("group commit", self._run())
        return await answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:MAX_OPERATION_SIZE], self._waiting[MAX_OPERATION_SIZE:]
                try:
                    await self._complete(group)
                finally:  # no caller waits forever
                    for _, future in group:
                        if not future.done():
                            future.set_exception(RuntimeError("the operation of this item did not complete"))
        finally:
            self._free_slots += 1

    async def _complete(self, group: list[tuple[T, asyncio.Future[R]]]) -> None:
        answers: Sequence[R | Exception]
        try:
            answers = await self._work([item for item, _ in group])
        except Exception as error:
            answers = [error] * len(group)
        for (_, future), answer in zip(group, answers, strict=True):
            if future.done():  # its caller was cancelled
                continue
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)


async def insert_each(collection: CollectionOf[D], documents: Sequence[D]) -> list[Exception | None]:
    """None or the error of each document. One that cannot be encoded, say for a number that is too large, harms no
    other."""
    try:
        return await write_results(collection.insert_many(list(documents), ordered=False), len(documents))
    except (PyMongoError, OSError):
        raise
    except Exception as error:
        if len(documents) == 1:
            return [error]
        middle = len(documents) // 2
        first, second = documents[:middle], documents[middle:]
        return [*await insert_each(collection, first), *await insert_each(collection, second)]


async def write_results(write: Awaitable[object], count: int) -> list[Exception | None]:
    """None or the error of each of the items of an unordered bulk write."""
    try:
        await write
    except BulkWriteError as error:
        details = error.details
        for unsure in details.get("writeConcernErrors", []):
            raise WriteConcernError(str(unsure.get("errmsg")), unsure.get("code"), unsure) from error
        failed = {int(item["index"]): _error(item) for item in details["writeErrors"]}
        return [failed.get(position) for position in range(count)]
    return [None] * count


def _error(item: dict[str, object]) -> Exception:
    code = int(str(item["code"]))
    kind = DuplicateKeyError if code == 11000 else OperationFailure
    return kind(str(item["errmsg"]), code, item)
