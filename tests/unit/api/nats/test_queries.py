"""Every read of the REST API has a query on NATS."""

import pkgutil
from importlib import import_module

import pytest
from fastapi.routing import APIRoute

from services.api import routes
from services.api.nats.queries import QUERY_HANDLERS
from shared.contracts.message import Message

READS = {
    route.path: route.endpoint
    for module in pkgutil.iter_modules(routes.__path__)
    for route in import_module(f"services.api.routes.{module.name}").router.routes
    if isinstance(route, APIRoute) and "GET" in (route.methods or ()) and route.include_in_schema
}
"""Those of the dialects repeat these."""


@pytest.mark.parametrize("path", sorted(path for path in READS if path.startswith("/api/")))
def test_every_read_has_a_query_on_nats(path: str) -> None:
    answered = {item.view for item in QUERY_HANDLERS}
    assert READS[path] in answered, (
        f"GET {path}: add a class to shared/contracts/queries.py and a line to services/api/bus"
    )


def test_every_query_has_a_subject_of_its_own() -> None:
    subjects = [item.message_class.subject for item in QUERY_HANDLERS]
    assert len(set(subjects)) == len(subjects)


@pytest.mark.parametrize("question", [item.message_class for item in QUERY_HANDLERS], ids=lambda cls: cls.__name__)
def test_a_subject_of_a_query_follows_the_grammar(question: type[Message]) -> None:
    kind, noun, verb = question.subject.removeprefix("wa.").split(".")
    assert kind == "query"
    assert noun.replace("-", "").isalpha()
    assert verb.replace("-", "").isalpha()
