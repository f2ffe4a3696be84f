"""Response bodies: `success` alone, with one item, or with a page of a list."""

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, Field

T = TypeVar("T")


SECRET_MARK = "x-secret"
Secret = Annotated[str, Field(json_schema_extra={SECRET_MARK: True})]
"""A token, key or code that gives access: a response with one is never stored for a repeated Idempotency-Key and never
compressed."""


class Ok(BaseModel):
    success: Literal[True] = True


class Item(Ok, Generic[T]):
    data: T


class Page(Ok, Generic[T]):
    """`next_cursor` is null on the last page."""

    data: list[T]
    next_cursor: str | None = None


def page_of(view: tuple[list[T], str | None]) -> Page[T]:
    """The response for what a view function returns: items and next cursor."""
    items, next_cursor = view
    return Page(data=items, next_cursor=next_cursor)
