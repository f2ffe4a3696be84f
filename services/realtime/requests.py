"""What a client sends with an event, checked: the same kind of answer for everything that is wrong with it."""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from shared.errors import Problem

ShortText = Annotated[str, Field(min_length=1, max_length=128)]


class Request(BaseModel):
    """camelCase; fields nobody knows are ignored, front ends of older systems send some."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")


R = TypeVar("R", bound=Request)


def parse(model: type[R], data: Any) -> R:
    """Raises Problem 422 that names the field."""
    if not isinstance(data, dict):
        raise Problem(422, "invalid_payload", f"send an object, not {type(data).__name__}")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        detail = f"{field}: {first['msg'].removeprefix('Value error, ')}"
        raise Problem(422, "invalid_payload", detail, field=field) from error
