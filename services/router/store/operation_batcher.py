"""Group commit: what concurrent handlers ask of one collection goes to MongoDB in one round trip."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from shared.platform.background import run_once
from shared.platform.mongo import (
    BulkWriteError,
    Collection,
    Document,
    DuplicateKeyError,
    OperationFailure,
    PyMongoError,
    WriteConcernError,
)

T = TypeVar("T")
R = TypeVar("R")

CONCURRENT_OPERATIONS = 1
"""Round trips of one kind that may be under way at once. With two, groups are half as large and each message costs a
sixth more processor time."""
MAX_OPERATION_SIZE = 200
"""Items in one round trip."""


class OperationBatcher(Generic[T, R]):
    """A function of one item, made from one of many: a call goes out at once while a lane is free; those that find
    all lanes taken go out together as soon as one is free. So nobody waits for company.

    `work` answers in the order of its items; an answer that is an exception is raised to its caller only.
    """

    def __init__(
        self, work: Callable[[Sequence[T]], Awaitable[Sequence[R | Exception]]], lanes: int = CONCURRENT_OPERATIONS
    ) -> None:
        self._work, self._free = work, lanes
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []

    async def __call__(self, item: T) -> R:
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._free:
            self._free -= 1
            run_once("group commit", self._run())
        return await answer

    async def _run(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting[:MAX_OPERATION_SIZE], self._waiting[MAX_OPERATION_SIZE:]
                try:
                    await self._complete(group)
                finally:  # nobody waits for an answer that does not come
                    for _, future in group:
                        if not future.done():
                            future.set_exception(RuntimeError("the group this item was in could not be settled"))
        finally:
            self._free += 1

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


async def insert_each(collection: Collection, documents: Sequence[Document]) -> list[Exception | None]:
    """What became of each document. One that cannot be written, say for a number MongoDB does not know, harms no
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
    """Of an unordered bulk write, what became of each of its items."""
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
