"""Records as MongoDB keeps them: the same fields, `_id` for `id`."""

from typing import Any, TypeVar

from shared.contracts.records import Record
from shared.platform.mongo import Document

R = TypeVar("R", bound=Record)


def to_document(record: Record, **more: Any) -> Document:
    """The document of a record, with the fields only the store knows."""
    fields = record.model_dump()
    return {"_id": fields.pop("id"), **fields, **more}


def from_document(cls: type[R], document: Document) -> R:
    """The record of a document. Raises ValidationError for a document something else wrote."""
    return cls.model_validate({**document, "id": document["_id"]})
