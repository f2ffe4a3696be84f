"""The frames every answer stands in."""

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, Field

T = TypeVar("T")


SECRET_MARK = "x-secret"
Secret = Annotated[str, Field(json_schema_extra={SECRET_MARK: True})]
"""What opens something for whoever reads it: an answer with one is never kept for a repeated Idempotency-Key."""


class Ok(BaseModel):
    success: Literal[True] = True


class Item(Ok, Generic[T]):
    data: T


class Page(Ok, Generic[T]):
    """`next_cursor` is null on the last page."""

    data: list[T]
    next_cursor: str | None = None


def page_of(found: tuple[list[T], str | None]) -> Page[T]:
    """A page as a view function returns it."""
    return Page(data=found[0], next_cursor=found[1])
