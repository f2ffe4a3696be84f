"""Every write of the REST API has a request on NATS."""

import pkgutil
from importlib import import_module

import pytest
from fastapi.routing import APIRoute

from services.api import routes
from services.api.nats.requests import REQUEST_ROUTES
from services.api.nats.route_bridge import RequestRoute, body_fields, path_fields
from shared.contracts.message import Message, RepeatableRequest
from shared.contracts.registry import COMMANDS
from shared.messaging.permissions import INTEGRATION_REQUESTS

_MUTATING = {"POST", "PUT", "PATCH", "DELETE"}
_OF_PEOPLE_ONLY = ("/api/auth/", "/api/simulator/")
"""Logins are a person's own; the simulated network is none of the contract."""
_OWN_PROFILE = {"/api/me"}
_READING = {"/api/contacts"}
"""Asked with a body, and still a read: ListContacts."""

ROUTES = [
    route
    for module in pkgutil.iter_modules(routes.__path__)
    for route in import_module(f"services.api.routes.{module.name}").router.routes
    if isinstance(route, APIRoute) and (route.methods or set()) & _MUTATING and route.include_in_schema
]


def _name(route: APIRoute) -> str:
    return f"{min(route.methods or {''})} {route.path}"


@pytest.mark.parametrize("route", ROUTES, ids=_name)
def test_every_write_has_a_request_on_nats(route: APIRoute) -> None:
    asked = route.endpoint in {write.route.endpoint for write in REQUEST_ROUTES}
    exempt = route.path.startswith(_OF_PEOPLE_ONLY) or route.path in _READING | _OWN_PROFILE
    assert asked != exempt, f"{_name(route)}: declare it with @served_on_nats"


@pytest.mark.parametrize("write", REQUEST_ROUTES, ids=lambda write: write.message_class.__name__)
def test_a_request_has_the_fields_of_its_route(write: RequestRoute) -> None:
    route = write.route
    wanted = body_fields(route) | path_fields(route)
    repeatable = issubclass(write.message_class, RepeatableRequest)
    own = set(write.message_class.model_fields) - set(Message.model_fields) - {"idempotency_key"}
    assert own == wanted - {"organization_id", "instance_id"}
    assert repeatable == (route.methods == {"POST"})


def test_every_request_has_a_subject_of_its_own_and_none_is_stored_by_a_stream() -> None:
    subjects = [write.message_class.subject for write in REQUEST_ROUTES]
    assert len(set(subjects)) == len(subjects)
    assert set(subjects) & set(COMMANDS) == set()
    assert all(subject.startswith("wa.command.") for subject in subjects)


def test_other_services_may_send_only_requests_that_exist() -> None:
    assert set(INTEGRATION_REQUESTS) <= {write.message_class.subject for write in REQUEST_ROUTES}
