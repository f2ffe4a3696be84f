"""Converts documents of MongoDB to models: the same fields, `id` for `_id`."""

from typing import Any, TypeVar

from pydantic import BaseModel

from shared.platform.mongo import Document

B = TypeVar("B", bound=BaseModel)


def from_document(model: type[B], document: Document, **fields: Any) -> B:
    """`fields` are added, or replace those of the document."""
    return model.model_validate({**document, "id": document["_id"], **fields})
