"""What the class of a message takes over from a function of the api, and what it leaves to the route."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from fastapi import APIRouter, Depends, Header, Path, Query
from fastapi.routing import APIRoute
from pydantic import AfterValidator, Field, StringConstraints, ValidationError

from services.api.context import Ctx, Manager, Reader
from services.api.nats.derived_messages import query_class, request_class
from services.api.nats.function_parameters import argument_readers
from services.api.nats.served_on_nats import ServedFunction
from services.api.request_fields import Name, RequestBody, UtcDateTime
from services.api.responses import Ok
from shared.contracts.message import RepeatableRequest, Request
from shared.contracts.principal import Principal

ORGANIZATION = {"organization_id": "acme"}


def never(text: str) -> str:
    raise ValueError("refused by the route")


class Part(RequestBody):
    text: str


class Body(RequestBody):
    """`name`: what people call it."""

    name: Name
    phone: Annotated[str, StringConstraints(max_length=20), AfterValidator(never)] | None = None
    text: Annotated[str, Field(min_length=5, max_length=9_000)] | None = None
    names: Annotated[frozenset[Literal["b", "a"]], Field(min_length=1, max_length=2)] = frozenset({"b", "a"})
    seconds: Annotated[float, Field(ge=1)] = 5.0
    begins: UtcDateTime | None = None
    part: Part | None = None
    instance_id: str | None = None


router = APIRouter(prefix="/api")


@dataclass(frozen=True)
class Parameters:
    caller: Manager
    body: Body
    key: Annotated[str | None, Header()] = None


@router.post("/things/{thing_id}/{number}")
async def change_thing(
    context: Ctx, thing_id: str, number: Annotated[int, Path(ge=1)], request: Annotated[Parameters, Depends()]
) -> Ok:
    """Change one."""
    return Ok()


@router.delete("/things/{thing_id}")
async def drop_thing(context: Ctx, caller: Manager, thing_id: str) -> Ok:
    return Ok()


def page(limit: Annotated[int, Query(le=20)] = 7) -> tuple[str, int]:
    return "page", limit


Page = Annotated[tuple[str, int], Depends(page)]


async def list_things(
    context: Ctx, caller: Reader, page: Page, thing_id: str, word: str | None = None, instance_id: str | None = None
) -> Ok:
    """All of them."""
    return Ok()


def route_of(function: Any) -> APIRoute:
    return next(route for route in router.routes if isinstance(route, APIRoute) and route.endpoint is function)


CHANGE: Any = request_class(
    ServedFunction(change_thing, "wa.command.thing.change", "ChangeThingRequest", note="Slow."), route_of(change_thing)
)
DROP: Any = request_class(ServedFunction(drop_thing, "wa.command.thing.drop", "DropThing"), route_of(drop_thing))
LIST: Any = query_class(ServedFunction(list_things, "wa.query.thing.list", "ListThings"))
CHANGED = {**ORGANIZATION, "thing_id": "x", "number": 1, "name": "n"}


def test_a_post_is_repeatable_and_others_are_not() -> None:
    assert issubclass(CHANGE, RepeatableRequest)
    assert issubclass(DROP, Request)
    assert not issubclass(DROP, RepeatableRequest)


def test_name_subject_and_documentation_are_those_of_the_declaration_and_the_function() -> None:
    assert (CHANGE.__name__, CHANGE.subject) == ("ChangeThingRequest", "wa.command.thing.change")
    assert CHANGE.__doc__ == "Change one.\n\n`name`: what people call it.\n\nSlow.\n\n`instance_id` may be `-`."


def test_the_fields_are_those_of_path_and_body() -> None:
    own = CHANGE.model_fields.keys() - RepeatableRequest.model_fields.keys()
    assert own == {"thing_id", "number", "name", "phone", "text", "names", "seconds", "begins", "part"}
    assert CHANGE(**CHANGED).names == ["a", "b"]


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "x"},
        {"phone": "1"},
        {"names": []},
        {"seconds": 0},
        {"begins": "2026-01-01T00:00:00"},
        {"part": {"text": 1}},
    ],
)
def test_what_a_route_checks_itself_is_left_to_it(fields: dict[str, Any]) -> None:
    assert CHANGE.model_validate({**CHANGED, **fields})
    assert CHANGE.model_validate({**CHANGED, "name": " " * 1_000 + "n"})


@pytest.mark.parametrize(
    "fields",
    [
        {"thing_id": "a/b"},
        {"thing_id": ""},
        {"number": 0},
        {"name": None},
        {"name": "x" * 2_001},
        {"text": "x" * 9_001},
        {"names": ["a", "b", "a"]},
        {"names": ["c"]},
        {"seconds": "x"},
        {"part": 1},
        {"nothing": 1},
    ],
)
def test_types_bounds_and_unknown_fields_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CHANGE.model_validate({**CHANGED, **fields})


def test_documents_show_the_bounds_of_the_route() -> None:
    properties = CHANGE.model_json_schema()["properties"]
    assert properties["name"]["maxLength"] == 80
    assert properties["text"]["anyOf"][0]["maxLength"] == 9_000


def test_a_query_has_the_parameters_of_its_function_and_of_dependencies() -> None:
    assert LIST(**ORGANIZATION, thing_id="x").limit == 7
    for fields in ({"thing_id": "x", "limit": 21}, {"thing_id": "x" * 257}, {}):
        with pytest.raises(ValidationError):
            LIST(**ORGANIZATION, **fields)


def test_the_function_gets_the_context_its_caller_and_the_fields() -> None:
    context: Any = object()
    readers = argument_readers(list_things)
    query = LIST(**ORGANIZATION, thing_id="x", limit=3)
    arguments = {name: read(context, query) for name, read in readers.items()}
    caller = Principal(organization_id="acme", subject="bus")
    given = {"context": context, "caller": caller, "page": ("page", 3), "thing_id": "x"}
    assert arguments == {**given, "word": None, "instance_id": None}
    named = query.model_copy(update={"instance_id": "desk"})
    assert readers["instance_id"](context, named) == "desk"


@pytest.mark.parametrize("name", ["id", "at", "cause", "request_id"])
def test_a_parameter_with_the_name_of_a_field_of_every_message_is_refused(name: str) -> None:
    """It would replace that field, and a message would have another id or time than it was sent with."""
    served = ServedFunction(change_thing, "wa.query.thing.read", "ReadThing", fields={name: (str, "")})
    with pytest.raises(ValueError, match=f"every message has {name} already"):
        query_class(served)
