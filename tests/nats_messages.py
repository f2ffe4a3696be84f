"""The classes of the queries and requests that the api serves, most of them derived from its routes, by name."""

from types import SimpleNamespace
from typing import Any

from services.api.nats.queries import QUERY_HANDLERS
from services.api.nats.requests import REQUEST_ROUTES
from shared.contracts.message import Query, Request

QUERIES: list[type[Query]] = [handler.message_class for handler in QUERY_HANDLERS]
REQUESTS: list[type[Request]] = [route.message_class for route in REQUEST_ROUTES]
MESSAGES: Any = SimpleNamespace(**{cls.__name__: cls for cls in (*QUERIES, *REQUESTS)})
"""`MESSAGES.ListUsers(organization_id=…)`."""
