"""The AsyncAPI document describes every message, and all its references resolve."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from services.api.nats.asyncapi import document
from services.api.nats.asyncapi_page import page
from services.api.nats.queries import QUERY_HANDLERS
from services.api.nats.requests import REQUEST_ROUTES
from shared.contracts.message import Message
from shared.contracts.registry import COMMANDS, EPHEMERAL_EVENTS, EVENTS
from tests.nats_messages import QUERIES, REQUESTS

DOCUMENT = document(QUERY_HANDLERS, REQUEST_ROUTES)
CLASSES: list[type[Message]] = [*EVENTS.values(), *COMMANDS.values(), *EPHEMERAL_EVENTS.values(), *QUERIES, *REQUESTS]


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def resolve(reference: str) -> Any:
    found = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def test_every_reference_resolves() -> None:
    found = set(references(DOCUMENT))
    assert found
    assert all(resolve(reference) for reference in found)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_a_message_has_its_subject_description_and_fields(cls: type[Message]) -> None:
    channel = DOCUMENT["channels"][cls.__name__]
    assert channel["address"] == f"{cls.subject}.{{organization_id}}.{{instance_id}}"
    assert set(re.findall(r"{(\w+)}", channel["address"])) == set(channel["parameters"])
    assert channel["description"]
    message = resolve(channel["messages"][cls.__name__]["$ref"])
    assert set(resolve(message["payload"]["$ref"])["properties"]) == set(cls.model_fields)


def test_every_operation_uses_messages_of_its_channel() -> None:
    assert len(DOCUMENT["operations"]) == len(CLASSES)
    for operation in DOCUMENT["operations"].values():
        for part in (operation, operation.get("reply", operation)):
            assert all(item["$ref"].startswith(part["channel"]["$ref"] + "/messages/") for item in part["messages"])


@pytest.mark.parametrize("name", ["answerReadContact", "handleCreateInvitationRequest"])
def test_requests_and_queries_describe_reply_and_problem(name: str) -> None:
    reply = DOCUMENT["operations"][name]["reply"]
    response, problem = (
        resolve(resolve(resolve(item["$ref"])["$ref"])["payload"]["$ref"]) for item in reply["messages"]
    )
    assert "data" in response["properties"]
    assert {"status", "code", "detail"} <= set(problem["properties"])


def test_the_page_shows_every_message_and_runs_no_script() -> None:
    html = bytes(page(DOCUMENT).body).decode()
    assert all(f"<h3>{cls.__name__}</h3>" in html for cls in CLASSES)
    assert "<script" not in html
    assert not re.search(r'(src|href)="(?!/)', html)
