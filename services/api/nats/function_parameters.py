"""Reads the parameters of a function of the api: what a caller sends, and what FastAPI or a query gives."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from inspect import Parameter, signature, unwrap
from operator import attrgetter
from typing import Annotated, Any, get_args, get_origin

from fastapi import Response
from fastapi.params import Depends, Header

from services.api.context import ApiContext
from shared.contracts.ids import NO_INSTANCE
from shared.contracts.message import Query
from shared.contracts.principal import Principal

NATS_CALLER = "bus"
"""Actor in the audit log. It has all scopes: NATS permissions already restrict what a service may send."""
INSTANCE_FIELD = "instance_id"
_GIVEN = (ApiContext, Principal, Response)


@dataclass(frozen=True)
class FunctionParameter:
    """`annotation`: with its metadata. `dependency`: of a parameter whose value another function returns."""

    name: str
    annotation: Any
    default: Any
    dependency: Callable[..., Any] | None = None

    @property
    def type(self) -> Any:
        return get_args(self.annotation)[0] if get_origin(self.annotation) is Annotated else self.annotation

    @property
    def is_required(self) -> bool:
        return self.default is Parameter.empty


def _parameters(function: Callable[..., Any]) -> Iterator[FunctionParameter]:
    for parameter in signature(function).parameters.values():
        found = FunctionParameter(parameter.name, parameter.annotation, parameter.default)
        depends = _metadata(found, Depends)
        dependency = unwrap(depends.dependency or found.type) if depends and found.type not in _GIVEN else None
        yield FunctionParameter(found.name, found.annotation, found.default, dependency)


def _metadata(parameter: FunctionParameter, kind: type) -> Any:
    annotation = parameter.annotation
    metadata = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return next((item for item in metadata if isinstance(item, kind)), None)


def sent_parameters(function: Callable[..., Any]) -> Iterator[FunctionParameter]:
    """Those of the path, the query and the body, also of dependencies."""
    for parameter in _parameters(function):
        if parameter.dependency is not None:
            yield from sent_parameters(parameter.dependency)
        elif parameter.type not in _GIVEN and _metadata(parameter, Header) is None:
            yield parameter


ArgumentReader = Callable[[ApiContext, Query], Any]
"""Reads the value of one argument."""


def argument_readers(function: Callable[..., Any]) -> dict[str, ArgumentReader]:
    """How to call the function for a query: a reader for each of its parameters."""
    return {parameter.name: _reader(parameter) for parameter in _parameters(function)}


def _reader(parameter: FunctionParameter) -> ArgumentReader:
    if parameter.type is ApiContext:
        return lambda context, query: context
    if parameter.type is Principal:
        return lambda context, query: Principal(organization_id=query.organization_id, subject=NATS_CALLER)
    if parameter.dependency is not None:
        return _result_reader(parameter.dependency)
    if parameter.name == INSTANCE_FIELD and not parameter.is_required:
        return lambda context, query: parameter.default if query.instance_id == NO_INSTANCE else query.instance_id
    read_field = attrgetter(parameter.name)
    return lambda context, query: read_field(query)


def _result_reader(dependency: Callable[..., Any]) -> ArgumentReader:
    readers = argument_readers(dependency)
    return lambda context, query: dependency(**{name: read(context, query) for name, read in readers.items()})
