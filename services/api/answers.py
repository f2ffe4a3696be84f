"""The frames every answer stands in."""

from typing import Generic, Literal, TypeVar

from pydantic import BaseModel

T = TypeVar("T")


class Done(BaseModel):
    success: Literal[True] = True


class One(Done, Generic[T]):
    data: T


class Listed(Done, Generic[T]):
    """`next_cursor` is null on the last page."""

    data: list[T]
    next_cursor: str | None = None


def listed(found: tuple[list[T], str | None]) -> Listed[T]:
    """A page as a view function returns it."""
    return Listed(data=found[0], next_cursor=found[1])
