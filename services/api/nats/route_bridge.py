"""Carries out a request of NATS by calling its REST route inside this process, so that both have the same rules."""

import json
import re
from dataclasses import dataclass
from typing import Any, get_type_hints

from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Scope

from services.api.middleware.idempotency import IDEMPOTENCY_KEY_HEADER
from services.api.nats.derived_messages import body_model
from services.api.nats.function_parameters import INSTANCE_FIELD, NATS_CALLER
from shared.contracts.errors import Problem
from shared.contracts.ids import NO_INSTANCE
from shared.contracts.message import Message as BusMessage
from shared.contracts.message import Request
from shared.contracts.principal import Principal
from shared.contracts.request_id import current_request
from shared.messaging.rpc_server import every_instance, parse_request

_ENVELOPE_FIELDS = frozenset(BusMessage.model_fields)
_IDEMPOTENCY_KEY_FIELD = "idempotency_key"


@dataclass(frozen=True)
class RequestRoute:
    """A request, and the REST route that carries it out.

    `is_slow`: it waits for another service or for WhatsApp.
    """

    message_class: type[Request]
    route: APIRoute
    is_slow: bool = False

    @property
    def response_class(self) -> Any:
        return get_type_hints(self.route.endpoint)["return"]


@dataclass(frozen=True)
class RouteEndpoint:
    """Serves a RequestRoute. `app`: the api inside of RequestContextMiddleware."""

    app: ASGIApp
    request_route: RequestRoute

    @property
    def message_class(self) -> type[Request]:
        return self.request_route.message_class

    @property
    def is_slow(self) -> bool:
        return self.request_route.is_slow

    def accepts(self, organization_id: str, instance_id: str) -> bool:
        return every_instance(organization_id, instance_id)

    async def respond(self, subject: str, body: bytes) -> bytes:
        request = parse_request(self.message_class, subject, body)
        route = self.request_route.route
        names_instance = INSTANCE_FIELD in path_fields(route) | body_fields(route)
        if request.instance_id != NO_INSTANCE and not names_instance:
            expected = self.message_class.subject_filter(request.organization_id, NO_INSTANCE)
            raise Problem(422, "validation_failed", f"this concerns no instance; ask on {expected}")
        scope, content = _http_call(route, request)
        return await _call_app(self.app, scope, content)


def path_fields(route: APIRoute) -> set[str]:
    """Names of the parameters in a route's path."""
    return set(re.findall(r"{(\w+)}", route.path_format))


def body_fields(route: APIRoute) -> set[str]:
    """Names of the fields of a route's body."""
    model = body_model(route.body_field.field_info.annotation) if route.body_field else None
    return set(model.model_fields) if model else set()


def _http_call(route: APIRoute, request: Request) -> tuple[Scope, bytes]:
    """The request as HTTP: path parameters, and all other fields that were sent as the body."""
    path_values = {name: str(getattr(request, name)) for name in path_fields(route)}
    fields = request.model_dump(mode="json", exclude_unset=True, exclude={*_ENVELOPE_FIELDS, *path_values})
    if INSTANCE_FIELD in body_fields(route) and request.instance_id != NO_INSTANCE:
        fields[INSTANCE_FIELD] = request.instance_id
    key = fields.pop(_IDEMPOTENCY_KEY_FIELD, None)
    content = json.dumps(fields).encode() if fields or _needs_body(route) else b""
    headers = {"content-type": "application/json", "content-length": str(len(content))}
    if key is not None:
        headers[IDEMPOTENCY_KEY_HEADER.lower()] = str(key)
    path = route.path_format.format_map(path_values)
    caller = Principal(organization_id=request.organization_id, subject=NATS_CALLER)
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
    """The body of the response. For an unexpected error the app first responds and then raises: the response counts."""
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": content, "more_body": False}

    async def collect(message: Message) -> None:
        messages.append(message)

    try:
        await app(scope, receive, collect)
    except Exception:
        if not messages:
            raise
    return b"".join(message.get("body", b"") for message in messages)
