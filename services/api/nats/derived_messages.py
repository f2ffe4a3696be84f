"""Makes the class of a query or request from the function that is served (docs/decisions/0049)."""

import inspect
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import reduce
from operator import or_
from types import GenericAlias, UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from fastapi.routing import APIRoute
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints, create_model
from pydantic.fields import FieldInfo

from services.api.nats.function_parameters import INSTANCE_FIELD, FunctionParameter, sent_parameters
from services.api.nats.served_on_nats import ServedFunction
from services.api.request_fields import with_json_schema
from shared.contracts.message import Query, RepeatableRequest, Request
from shared.contracts.queries import AnyId

PathId = Annotated[str, StringConstraints(pattern=r"^[^/?#]{1,256}$")]
"""An id that becomes a part of the route's path."""
MIN_TEXT_BOUND = 2_000
"""Characters. A text that is too long for its field, but not longer than this, is refused by the route and not by the
class: the route may strip it first, and its problem names the field in `errors`. Documents name the field's bound."""

M = TypeVar("M", Query, Request)

_SUBJECT_FIELDS = ("organization_id", INSTANCE_FIELD)
"""In every message already."""

FieldDefinitions = dict[str, Any]
"""Type and default of each field; the default is `...` when the field is required."""


def query_class(served: ServedFunction) -> type[Query]:
    """Checks its fields as the route does."""
    fields = {
        parameter.name: (AnyId if parameter.annotation is str else parameter.annotation, _default(parameter))
        for parameter in _own_parameters(served.function)
    }
    return _message_class(served, Query, {**fields, **served.fields})


def request_class(served: ServedFunction, route: APIRoute) -> type[Request]:
    """Checks types and bounds only: the route checks the rest, and answers with its own problem."""
    fields: FieldDefinitions = {}
    for parameter in _own_parameters(served.function):
        if (model := body_model(parameter.annotation)) is not None:
            fields |= _body_fields(model)
        else:
            fields[parameter.name] = (PathId if parameter.annotation is str else parameter.annotation, ...)
    base = RepeatableRequest if route.methods == {"POST"} else Request
    return _message_class(served, base, {**fields, **served.fields})


def body_model(annotation: Any) -> type[BaseModel] | None:
    """The model of a body, which may be optional."""
    for each in (annotation, *get_args(annotation)):
        if isinstance(each, type) and issubclass(each, BaseModel):
            return each
    return None


def _own_parameters(function: Callable[..., Any]) -> Iterator[FunctionParameter]:
    return (each for each in sent_parameters(function) if each.name not in _SUBJECT_FIELDS)


def _default(parameter: FunctionParameter) -> Any:
    return ... if parameter.is_required else parameter.default


def _body_fields(model: type[BaseModel]) -> FieldDefinitions:
    return {
        name: (_without_checks(field.rebuild_annotation()), _body_default(field))
        for name, field in model.model_fields.items()
        if name not in _SUBJECT_FIELDS
    }


def _body_default(field: FieldInfo) -> Any:
    default = ... if field.is_required() else field.get_default(call_default_factory=True)
    return sorted(default) if isinstance(default, frozenset) else default


def _without_checks(annotation: Any) -> Any:
    """The type that JSON has, with the upper bounds of texts and lists."""
    if get_origin(annotation) is Annotated:
        plain, *metadata = get_args(annotation)
        return _bounded(plain if plain is str else _without_checks(plain), max(map(_max_length, metadata)))
    if get_origin(annotation) in (Union, UnionType):
        return reduce(or_, (_without_checks(option) for option in get_args(annotation)))
    if get_origin(annotation) in (list, tuple, frozenset):
        return GenericAlias(list, (_without_checks(get_args(annotation)[0]),))
    if annotation is str:
        return _bounded(str, 0)
    if annotation is AwareDatetime:
        return datetime
    return dict[str, Any] if body_model(annotation) else annotation


def _max_length(constraint: Any) -> int:
    """Of an item of metadata, which may be a Field with constraints inside; 0 without a bound."""
    if isinstance(constraint, FieldInfo):
        return max((_max_length(item) for item in constraint.metadata), default=0)
    return getattr(constraint, "max_length", None) or 0


def _bounded(plain: Any, max_length: int) -> Any:
    if plain is str:
        accepted = max(max_length, MIN_TEXT_BOUND)
        return Annotated[
            str, StringConstraints(max_length=accepted), with_json_schema(maxLength=max_length or accepted)
        ]
    return Annotated[plain, Field(max_length=max_length)] if max_length else plain


def _message_class(served: ServedFunction, base: type[M], fields: FieldDefinitions) -> type[M]:
    """Raises ValueError for a field that every message has already: it would change what that one means."""
    if taken := base.model_fields.keys() & fields.keys():
        names = ", ".join(sorted(taken))
        raise ValueError(f"{served.name}: every message has {names} already; give the parameter another name")
    return create_model(
        served.name,
        __base__=base,
        __module__=served.function.__module__,
        __doc__=_documentation(served),
        __namespace__={"subject": served.subject},
        **fields,
    )


def _documentation(served: ServedFunction) -> str:
    """Of the function and of its body, the note, and whether an instance is named."""
    parameters = {parameter.name: parameter for parameter in sent_parameters(served.function)}
    models = [model for each in parameters.values() if (model := body_model(each.annotation)) is not None]
    instance = parameters.get(INSTANCE_FIELD)
    if instance is not None and instance.is_required:
        about_instance = "Of the instance `instance_id`."
    elif instance is not None or any(INSTANCE_FIELD in model.model_fields for model in models):
        about_instance = "`instance_id` may be `-`."
    else:
        about_instance = ""
    texts = [inspect.cleandoc(each.__doc__ or "") for each in (served.function, *models)]
    return "\n\n".join(text for text in (*texts, served.note, about_instance) if text)
