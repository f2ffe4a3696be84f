"""Reads with an index that MongoDB is told to use, where by itself it may choose one for which it reads much more."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from shared.platform.mongo import OperationFailure

T = TypeVar("T")

NO_SUCH_INDEX = 2
"""MongoDB's error code for a hint that names no index."""


async def read_by_index(index: str, read: Callable[[dict[str, Any]], Awaitable[T]]) -> T:
    """What `read` returns; it passes the options that it gets to MongoDB. Without the index, which the router of this
    version makes when it starts, the read is slower."""
    try:
        return await read({"hint": index})
    except OperationFailure as error:
        if error.code != NO_SUCH_INDEX:
            raise
        return await read({})
