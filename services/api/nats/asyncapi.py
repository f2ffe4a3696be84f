"""The AsyncAPI 3 document: every event, command, live message, request and query on NATS, from their classes."""

import inspect
import re
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from services.api.nats.queries import QUERY_HANDLERS
from services.api.nats.query_handlers import QueryHandler
from services.api.nats.requests import REQUEST_ROUTES
from services.api.nats.route_bridge import RequestRoute
from services.api.problems import ProblemBody
from shared.contracts.ids import NO_INSTANCE, SLUG_PATTERN
from shared.contracts.message import EphemeralEvent, Message
from shared.contracts.registry import COMMANDS, EPHEMERAL_EVENTS, EVENTS, stream_of
from shared.contracts.request_id import HEADER
from shared.messaging.permissions import INTEGRATION

_DESCRIPTION = """\
What services say to each other on NATS. Every message is JSON with `id`, `at` (UTC), `organization_id`, `instance_id`
(`-` where none is concerned), `cause` (the id of the message it follows from) and `request_id` (of the HTTP request or
socket event that led to it; also the header `X-Request-Id`). Unknown fields are to be ignored:
fields are added, never removed. Delivery is at least once; a repetition has the same `id`. Events: subscribe, or make a
JetStream consumer. Commands: publish into their stream; the answer is an event whose `cause` is the command's `id`, or
`CommandRefused`. Live messages are kept by nobody: hear them or miss them. Requests and queries: NATS
request, answered like the REST API's writes and reads. Send and receive are Switchboard's."""
_PROBLEM = "Problem"
_ANSWERED: dict[str, tuple[RequestRoute | QueryHandler[Any], ...]] = {"ask": REQUEST_ROUTES, "answer": QUERY_HANDLERS}
"""What is answered, by how its operation's name begins."""
_HEADERS = {
    "type": "object",
    "properties": {
        "Nats-Msg-Id": {"type": "string", "description": "A repetition within ten minutes is stored once"},
        HEADER: {"type": "string", "description": "The request that led to the message; also its `request_id`"},
    },
}
_PARAMETERS = {
    "organization_id": {"description": f"Id of an organization, {SLUG_PATTERN}; `*` for all in a subscription"},
    "instance_id": {"description": f"Id of an instance, `{NO_INSTANCE}` when none is concerned; `*` for all"},
}


def document() -> dict[str, Any]:
    """The whole document, JSON-ready."""
    asked = [item for items in _ANSWERED.values() for item in items]
    answers = {f"{item.message_class.__name__}Answer": item.response_class for item in asked}
    sent: list[type[Message]] = [*EVENTS.values(), *_ephemeral("send")]
    taken: list[type[Message]] = [*COMMANDS.values(), *_ephemeral("receive"), *(item.message_class for item in asked)]
    references, schemas = _schemas(sent, taken, answers)
    messages = {cls.__name__: _message(cls, references[cls.__name__]) for cls in [*sent, *taken]}
    messages |= {name: {"name": name, "payload": references[name]} for name in [*answers, _PROBLEM]}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Switchboard", "version": "0.1.0", "description": _DESCRIPTION},
        "defaultContentType": "application/json",
        "servers": {
            "nats": {"host": "127.0.0.1:4222", "protocol": "nats", "description": "The server that `NATS_URL` names"}
        },
        "channels": _channels([*sent, *taken], answers),
        "operations": _operations(),
        "components": {"messages": messages, "schemas": schemas},
    }


def _ephemeral(action: str) -> list[type[EphemeralEvent]]:
    """Sent are those that others may hear, received those they may say."""
    return [cls for cls in EPHEMERAL_EVENTS.values() if (INTEGRATION in cls.publishers) is (action == "receive")]


def about(cls: type) -> str:
    """The docstring as prose: lines of one paragraph joined."""
    return re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.cleandoc(cls.__doc__ or ""))


def _schemas(
    sent: list[type[Message]], taken: list[type[Message]], answers: dict[str, Any]
) -> tuple[dict[str, dict[str, str]], dict[str, Any]]:
    """A reference for each message, and every schema they need."""
    named: list[tuple[str, type[BaseModel], JsonSchemaMode]] = [(cls.__name__, cls, "serialization") for cls in sent]
    named += [(cls.__name__, cls, "validation") for cls in taken]
    named += [(name, shape, "serialization") for name, shape in answers.items()]
    named.append((_PROBLEM, ProblemBody, "serialization"))
    found, definitions = models_json_schema(
        [(cls, mode) for _, cls, mode in named], ref_template="#/components/schemas/{model}"
    )
    references = {name: {"$ref": str(found[cls, mode]["$ref"])} for name, cls, mode in named}
    return references, definitions["$defs"]


def _message(cls: type[Message], payload: dict[str, str]) -> dict[str, Any]:
    return {"name": cls.__name__, "summary": about(cls), "headers": _HEADERS, "payload": payload}


def _reference(kind: str, *names: str) -> dict[str, str]:
    return {"$ref": "/".join(("#", kind, *names))}


def _channels(classes: list[type[Message]], answers: dict[str, Any]) -> dict[str, Any]:
    channels: dict[str, Any] = {}
    for cls in classes:
        name = cls.__name__
        channels[name] = {
            "address": cls.subject_filter("{organization_id}", "{instance_id}"),
            "description": about(cls),
            "messages": {name: _reference("components", "messages", name)},
            "parameters": _PARAMETERS,
        }
        if cls in EVENTS.values() or cls in COMMANDS.values():
            channels[name]["x-stream"] = stream_of(cls)
    for name in answers:
        messages = {part: _reference("components", "messages", part) for part in (name, _PROBLEM)}
        channels[name] = {"address": None, "description": "The reply subject of the request", "messages": messages}
    return channels


def _operations() -> dict[str, Any]:
    def one(name: str, action: str) -> dict[str, Any]:
        messages = [_reference("channels", name, "messages", name)]
        return {"action": action, "channel": _reference("channels", name), "messages": messages}

    operations = {f"publish{cls.__name__}": one(cls.__name__, "send") for cls in EVENTS.values()}
    operations |= {f"do{cls.__name__}": one(cls.__name__, "receive") for cls in COMMANDS.values()}
    operations |= {f"hear{cls.__name__}": one(cls.__name__, "send") for cls in _ephemeral("send")}
    operations |= {f"tell{cls.__name__}": one(cls.__name__, "receive") for cls in _ephemeral("receive")}
    for prefix, item in ((prefix, item) for prefix, items in _ANSWERED.items() for item in items):
        name = item.message_class.__name__
        answer = f"{name}Answer"
        reply = {
            "channel": _reference("channels", answer),
            "messages": [_reference("channels", answer, "messages", part) for part in (answer, _PROBLEM)],
        }
        operations[f"{prefix}{name}"] = one(name, "receive") | {"reply": reply, "bindings": {"nats": {"queue": "api"}}}
    return operations
