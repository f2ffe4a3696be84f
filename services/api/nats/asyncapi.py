"""Generates the AsyncAPI 3 document from the classes of all events, commands, ephemeral events, requests and
queries."""

import inspect
import re
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from services.api.nats.queries import QueryHandler
from services.api.nats.route_bridge import RequestRoute
from services.api.problems import ProblemBody
from shared.contracts.ids import NO_INSTANCE, SLUG_PATTERN
from shared.contracts.message import EphemeralEvent, Message, Query, Request
from shared.contracts.registry import COMMANDS, EPHEMERAL_EVENTS, EVENTS, stream_of
from shared.contracts.request_id import HEADER
from shared.messaging.permissions import INTEGRATION

_DESCRIPTION = """\
Messages between services on NATS. Every message is JSON with `id`, `at` (UTC), `organization_id`, `instance_id`
(`-` when no instance is concerned), `cause` (the id of the message that caused it) and `request_id` (of the HTTP
request or socket event that caused it; also the header `X-Request-Id`). Ignore unknown fields: fields are added, never
removed. Events and commands are delivered at least once; a repetition has the same `id`. Events: subscribe, or create a
JetStream consumer. Commands: publish into their stream; the outcome is an event whose `cause` is the command's `id`, or
`CommandRefused`. Ephemeral events are not stored: only current subscribers receive them. Requests and queries: NATS
request/reply, with the same replies as the REST API's writes and reads. Operations are from Switchboard's view."""
_PROBLEM = "Problem"
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


def document(queries: Sequence[QueryHandler], requests: Sequence[RequestRoute]) -> dict[str, Any]:
    """The whole document, as JSON-compatible values."""
    handlers: list[RequestRoute | QueryHandler] = [*requests, *queries]
    replies = {_reply_name(item.message_class): item.response_class for item in handlers}
    sent: list[type[Message]] = [*EVENTS.values(), *_ephemeral("send")]
    received: list[type[Message]] = [
        *COMMANDS.values(),
        *_ephemeral("receive"),
        *(item.message_class for item in handlers),
    ]
    references, schemas = _schemas(sent, received, replies)
    messages = {cls.__name__: _message(cls, references[cls.__name__]) for cls in [*sent, *received]}
    messages |= {name: {"name": name, "payload": references[name]} for name in [*replies, _PROBLEM]}
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Switchboard", "version": "0.1.0", "description": _DESCRIPTION},
        "defaultContentType": "application/json",
        "servers": {
            "nats": {"host": "127.0.0.1:4222", "protocol": "nats", "description": "The server that `NATS_URL` names"}
        },
        "channels": _channels([*sent, *received], replies),
        "operations": _operations([cls.message_class for cls in queries], [cls.message_class for cls in requests]),
        "components": {"messages": messages, "schemas": schemas},
    }


def _ephemeral(action: str) -> list[type[EphemeralEvent]]:
    """`receive`: those that external services may publish; `send`: the others."""
    return [cls for cls in EPHEMERAL_EVENTS.values() if (INTEGRATION in cls.publishers) is (action == "receive")]


def _reply_name(message_class: type[Message]) -> str:
    return f"{message_class.__name__}Reply"


def summary(cls: type) -> str:
    """The docstring, with the lines of each paragraph joined."""
    return re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.cleandoc(cls.__doc__ or ""))


def _schemas(
    sent: list[type[Message]], received: list[type[Message]], replies: dict[str, Any]
) -> tuple[dict[str, dict[str, str]], dict[str, Any]]:
    """A reference for each message, and all schemas."""
    sources: list[tuple[str, type[BaseModel], JsonSchemaMode]] = [(cls.__name__, cls, "serialization") for cls in sent]
    sources += [(cls.__name__, cls, "validation") for cls in received]
    sources += [(name, response_class, "serialization") for name, response_class in replies.items()]
    sources.append((_PROBLEM, ProblemBody, "serialization"))
    by_class, definitions = models_json_schema(
        [(cls, mode) for _, cls, mode in sources], ref_template="#/components/schemas/{model}"
    )
    references = {name: {"$ref": str(by_class[cls, mode]["$ref"])} for name, cls, mode in sources}
    return references, definitions["$defs"]


def _message(cls: type[Message], payload: dict[str, str]) -> dict[str, Any]:
    return {"name": cls.__name__, "summary": summary(cls), "headers": _HEADERS, "payload": payload}


def _reference(kind: str, *names: str) -> dict[str, str]:
    return {"$ref": "/".join(("#", kind, *names))}


def _channels(classes: list[type[Message]], replies: dict[str, Any]) -> dict[str, Any]:
    channels: dict[str, Any] = {}
    for cls in classes:
        name = cls.__name__
        channels[name] = {
            "address": cls.subject_filter("{organization_id}", "{instance_id}"),
            "description": summary(cls),
            "messages": {name: _reference("components", "messages", name)},
            "parameters": _PARAMETERS,
        }
        if cls in EVENTS.values() or cls in COMMANDS.values():
            channels[name]["x-stream"] = stream_of(cls)
    for name in replies:
        messages = {part: _reference("components", "messages", part) for part in (name, _PROBLEM)}
        channels[name] = {"address": None, "description": "The reply subject of the request", "messages": messages}
    return channels


def _operations(queries: Sequence[type[Query]], requests: Sequence[type[Request]]) -> dict[str, Any]:
    def operation(name: str, action: str) -> dict[str, Any]:
        messages = [_reference("channels", name, "messages", name)]
        return {"action": action, "channel": _reference("channels", name), "messages": messages}

    operations = {f"publish{cls.__name__}": operation(cls.__name__, "send") for cls in EVENTS.values()}
    operations |= {f"execute{cls.__name__}": operation(cls.__name__, "receive") for cls in COMMANDS.values()}
    operations |= {f"emit{cls.__name__}": operation(cls.__name__, "send") for cls in _ephemeral("send")}
    operations |= {f"accept{cls.__name__}": operation(cls.__name__, "receive") for cls in _ephemeral("receive")}
    for prefix, cls in (*(("handle", cls) for cls in requests), *(("answer", cls) for cls in queries)):
        name, reply_message = cls.__name__, _reply_name(cls)
        reply = {
            "channel": _reference("channels", reply_message),
            "messages": [_reference("channels", reply_message, "messages", part) for part in (reply_message, _PROBLEM)],
        }
        bindings = {"nats": {"queue": "api"}}
        operations[f"{prefix}{name}"] = operation(name, "receive") | {"reply": reply, "bindings": bindings}
    return operations
