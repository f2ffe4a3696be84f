"""Records and other models as documents of MongoDB: the same fields, `_id` for `id`."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from shared.platform.mongo import Document

M = TypeVar("M", bound=BaseModel)


def to_document(model: BaseModel, **more: Any) -> Document:
    """The document of a model, with the fields that only the store knows."""
    fields = model.model_dump()
    return {"_id": fields.pop("id"), **fields, **more}


def from_document(model: type[M], document: Mapping[str, Any], **fields: Any) -> M:
    """The model of a document; `fields` are added, or replace those of the document. Raises ValidationError for a
    document that something else wrote."""
    return model.model_validate({**document, "id": document["_id"], **fields})
