"""A request of NATS handed to its REST route inside this process: one set of rules for what is wanted and answered."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.types import ASGIApp, Message, Scope

from services.api.middleware.idempotency import IDEMPOTENCY_KEY_HEADER
from services.api.nats.rpc_server import read_question
from shared.contracts.errors import Problem
from shared.contracts.ids import NO_INSTANCE
from shared.contracts.message import Message as BusMessage
from shared.contracts.message import Request
from shared.contracts.principal import Principal
from shared.contracts.request_id import current_request

ACTOR = "bus"
"""Who did it, in the audit log. NATS permissions said already what the asker may do: its scopes are all."""
_ENVELOPE_FIELDS = frozenset(BusMessage.model_fields)
_IDEMPOTENCY_KEY_FIELD = "idempotency_key"


@dataclass(frozen=True)
class RequestRoute:
    """`view` is the function of the REST route that does it; `waits`: for another service or for WhatsApp."""

    question: type[Request]
    function: Callable[..., Any]
    waits: bool = False

    @property
    def shape(self) -> Any:
        """The class of the answer."""
        return get_type_hints(self.function)["return"]


@dataclass(frozen=True)
class RouteEndpoint:
    """A Write at work: `app` is the api behind its edge, `route` where the write stands in it."""

    app: ASGIApp
    request_route: RequestRoute
    route: APIRoute

    @property
    def question(self) -> type[Request]:
        return self.request_route.question

    @property
    def waits(self) -> bool:
        return self.request_route.waits

    async def body(self, address: str, data: bytes) -> bytes:
        request = read_question(self.question, address, data)
        if request.instance_id != NO_INSTANCE and "instance_id" not in path_fields(self.route) | body_fields(
            self.route
        ):
            subject = self.question.subject_filter(request.organization_id, NO_INSTANCE)
            detail = f"this concerns no instance; ask on {subject}"
            raise Problem(422, "validation_failed", detail)
        scope, content = _http_call(self.route, request)
        return await _call_app(self.app, scope, content)


def path_fields(route: APIRoute) -> set[str]:
    """Names of the ids in a route's path."""
    return set(re.findall(r"{(\w+)}", route.path_format))


def body_fields(route: APIRoute) -> set[str]:
    """Names of what a route's body may hold."""
    body = route.body_field.field_info.annotation if route.body_field else None
    models = [cls for cls in (body, *get_args(body)) if isinstance(cls, type) and issubclass(cls, BaseModel)]
    return {name for cls in models for name in cls.model_fields}


def _http_call(route: APIRoute, request: Request) -> tuple[Scope, bytes]:
    """The request as HTTP: ids of the path, then everything else that was given as the body."""
    named = {name: str(getattr(request, name)) for name in path_fields(route)}
    given = request.model_dump(mode="json", exclude_unset=True, exclude={*_ENVELOPE_FIELDS, *named})
    if "instance_id" in body_fields(route) and request.instance_id != NO_INSTANCE:
        given["instance_id"] = request.instance_id
    key = given.pop(_IDEMPOTENCY_KEY_FIELD, None)
    content = json.dumps(given).encode() if given or _needs_body(route) else b""
    headers = {"content-type": "application/json", "content-length": str(len(content))}
    if key is not None:
        headers[IDEMPOTENCY_KEY_HEADER.lower()] = str(key)
    path = route.path_format.format_map(named)
    caller = Principal(organization_id=request.organization_id, subject=ACTOR)
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": min(route.methods or {"POST"}),
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": None,
        "server": None,
        "state": {"caller": caller, "request_id": current_request() or request.id[:64]},
    }
    return scope, content


def _needs_body(route: APIRoute) -> bool:
    return route.body_field is not None and route.body_field.field_info.is_required()


async def _call_app(app: ASGIApp, scope: Scope, content: bytes) -> bytes:
    """What a failure nobody expected looks like is the app's to say: it answers first, and raises then."""
    said: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    async def hear(message: Message) -> None:
        said.append(message)

    try:
        await app(scope, receive, hear)
    except Exception:
        if not said:
            raise
    return b"".join(message.get("body", b"") for message in said)
