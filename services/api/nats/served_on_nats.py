"""Declares, beside a function of the api, that the function is also served on NATS (docs/decisions/0049)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, StringConstraints

from shared.contracts.message import Query
from shared.contracts.queries import MAX_SEARCH, AnyId

SEARCH_FIELD = (Annotated[str, StringConstraints(max_length=MAX_SEARCH)] | None, None)
"""Queries accept control characters in a search; routes refuse them."""
OPTIONAL_ID_FIELD = (AnyId | None, None)
"""Queries accept ids of up to 256 characters, and no empty ones."""

F = TypeVar("F", bound=Callable[..., Awaitable[BaseModel]])


@dataclass(frozen=True)
class ServedFunction:
    """What `served_on_nats` declares. `message_class`: of a query that our own services send, else it is derived."""

    function: Callable[..., Awaitable[BaseModel]]
    subject: str
    name: str
    message_class: type[Query] | None = None
    is_slow: bool = False
    note: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_query(self) -> bool:
        return self.subject.split(".")[1] == "query"


SERVED_FUNCTIONS: list[ServedFunction] = []
"""Those of all modules that are imported; services/api/nats/queries.py and requests.py import every one."""


def served_on_nats(
    subject: str, name: str, *, is_slow: bool = False, note: str = "", fields: Mapping[str, Any] | None = None
) -> Callable[[F], F]:
    """Serve this function on `subject`: on `wa.query.*` as a query, on `wa.command.*` as the request of its route.

    The class of the message has this `name` and the fields of the function's path, query and body; its documentation
    is that of the function and of the body, and `note`. `fields`: type and default of those that differ from the
    route's. `is_slow`: it waits for another service or for WhatsApp.
    """

    def declare(function: F) -> F:
        SERVED_FUNCTIONS.append(
            ServedFunction(function, subject, name, is_slow=is_slow, note=note, fields=fields or {})
        )
        return function

    return declare


def answers(message_class: type[Query], *, is_slow: bool = False) -> Callable[[F], F]:
    """Answer this query with this function. For the queries in shared/contracts/queries.py, which our own services
    send; their fields have the names of the function's parameters."""

    def declare(function: F) -> F:
        served = ServedFunction(function, message_class.subject, message_class.__name__, message_class, is_slow)
        SERVED_FUNCTIONS.append(served)
        return function

    return declare
