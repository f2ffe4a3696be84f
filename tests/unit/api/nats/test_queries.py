"""Every read of the REST API has a query on NATS."""

import pkgutil
from importlib import import_module

import pytest
from fastapi.routing import APIRoute

from services.api import routes
from services.api.nats.function_parameters import sent_parameters
from services.api.nats.queries import QUERY_HANDLERS, QueryHandler
from services.api.route_modules import declared_routes
from services.api.routes import conversations
from shared.contracts.message import Message

READS = {
    route.path: route.endpoint
    for module in pkgutil.iter_modules(routes.__path__)
    for route in import_module(f"services.api.routes.{module.name}").router.routes
    if isinstance(route, APIRoute) and "GET" in (route.methods or ()) and route.include_in_schema
}
"""Those of the dialects repeat these."""
OF_PEOPLE_ONLY = ("/api/auth/logins", "/api/me")
"""A message on NATS comes from no user: it has neither logins nor a profile."""
ANSWERED_BY = {conversations.count_conversations: conversations.counted}
"""Counts for its caller, who is no user on NATS: the query names a user."""


@pytest.mark.parametrize("path", sorted(path for path in READS if path.startswith("/api/")))
def test_every_read_has_a_query_on_nats(path: str) -> None:
    answered = {item.served.function for item in QUERY_HANDLERS}
    is_answered = ANSWERED_BY.get(READS[path], READS[path]) in answered
    assert is_answered != (path in OF_PEOPLE_ONLY), f"GET {path}: declare it with @served_on_nats"


def test_every_query_has_a_subject_of_its_own() -> None:
    subjects = [item.message_class.subject for item in QUERY_HANDLERS]
    assert len(set(subjects)) == len(subjects)


@pytest.mark.parametrize("question", [item.message_class for item in QUERY_HANDLERS], ids=lambda cls: cls.__name__)
def test_a_subject_of_a_query_follows_the_grammar(question: type[Message]) -> None:
    kind, noun, verb = question.subject.removeprefix("wa.").split(".")
    assert kind == "query"
    assert noun.replace("-", "").isalpha()
    assert verb.replace("-", "").isalpha()


@pytest.mark.parametrize("handler", QUERY_HANDLERS, ids=lambda handler: handler.message_class.__name__)
def test_a_query_has_the_fields_of_its_function(handler: QueryHandler) -> None:
    """Also one that is written by hand, because another service sends it."""
    own = set(handler.message_class.model_fields) - set(Message.model_fields)
    sent = {parameter.name: parameter for parameter in sent_parameters(handler.served.function)}
    assert own == set(sent) - {"organization_id", "instance_id"}
    required = {name for name in own if handler.message_class.model_fields[name].is_required()}
    assert required <= {name for name in own if sent[name].is_required}


@pytest.mark.parametrize("handler", QUERY_HANDLERS, ids=lambda handler: handler.message_class.__name__)
def test_a_query_changes_nothing(handler: QueryHandler) -> None:
    """The function of a route that writes would be called without audit log and idempotency key."""
    routes_of_function = [route for route in declared_routes() if route.endpoint is handler.served.function]
    assert all(route.methods == {"GET"} for route in routes_of_function)
