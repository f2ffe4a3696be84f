"""`Idempotency-Key` on every POST: a repeated request gets the stored response and is not carried out again."""

import json
import re
from functools import cache
from typing import Any

from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.middleware.json_bodies import read_body, replay_body
from services.api.problems import problem_response, to_problem
from services.api.responses import SECRET_MARK
from services.api.route_matching import routes_at
from services.api.store.idempotent_responses import (
    IdempotencyRecord,
    IdempotentResponses,
    StoredResponse,
    idempotency_record,
)
from shared.contracts.errors import Problem
from shared.contracts.principal import Principal
from shared.platform.mongo import Database

IDEMPOTENCY_KEY_HEADER = "Idempotency-Key"
_MAX_KEY_LENGTH = 255
_SEND_PATHS = re.compile(r"/send(-message)?/?$")
"""Sends have idempotency keys of their own: a repetition is answered with the current status of the message."""
_AUTH_PATHS = "/api/auth/"
"""Requests and responses here contain passwords and tokens: the body is not even part of the stored fingerprint, by
which a password could be guessed."""


class IdempotencyMiddleware:
    """ASGI middleware after authentication. Only successful responses are stored: a refused request may be repeated
    with its key."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_post = scope["type"] == "http" and scope["method"] == "POST"
        key = Headers(scope=scope).get(IDEMPOTENCY_KEY_HEADER) if is_post else None
        caller = scope.get("state", {}).get("caller")
        if key is None or not isinstance(caller, Principal) or _SEND_PATHS.search(scope["path"]):
            await self._app(scope, receive, send)
            return
        database: Database = scope["app"].state.context.database
        responses = IdempotentResponses(database.answers)
        try:
            body = await read_body(receive)
            record = _record_of(scope, caller, key, body)
            stored = await responses.claim(record)
            if stored is not None:
                await _replayed_response(stored)(scope, receive, send)
                return
        except Exception as error:
            await problem_response(to_problem(error), scope["state"]["request_id"])(scope, receive, send)
            return
        await self._execute_and_store(responses, record, (scope, replay_body(body, receive), send))

    async def _execute_and_store(
        self, responses: IdempotentResponses, record: IdempotencyRecord, call: tuple[Scope, Receive, Send]
    ) -> None:
        """Carry the request out, and store the response before it is sent."""
        scope, receive, send = call
        messages: list[Message] = []

        async def collect(message: Message) -> None:
            messages.append(message)

        stored = False
        try:
            await self._app(scope, receive, collect)
            stored = await _store_response(responses, record, messages, may_contain_secrets(scope))
        finally:
            if not stored:
                await responses.release(record)
        for message in messages:
            await send(message)


def may_contain_secrets(scope: Scope) -> bool:
    """Whether the response to this request may contain a field marked `Secret`, or belongs to a login."""
    if scope["path"].startswith(_AUTH_PATHS):
        return True
    routes = routes_at(scope["app"], scope["path"])
    return any(scope["method"] in (route.methods or ()) and response_has_secrets(route) for route in routes)


def response_has_secrets(route: Route) -> bool:
    """Whether the response class has a field of type `Secret`, at any depth. A route without a response class is
    treated as if it had one."""
    if not isinstance(route, APIRoute) or route.response_model is None:
        return True
    return _has_secrets(route.response_model)


@cache
def _has_secrets(response_type: Any) -> bool:
    return SECRET_MARK in json.dumps(TypeAdapter(response_type).json_schema())


def _record_of(scope: Scope, caller: Principal, key: str, body: bytes) -> IdempotencyRecord:
    if not 0 < len(key) <= _MAX_KEY_LENGTH:
        raise Problem(
            422, "validation_failed", f"{IDEMPOTENCY_KEY_HEADER}: 1 to {_MAX_KEY_LENGTH} characters, for example a UUID"
        )
    compared = b"" if scope["path"].startswith(_AUTH_PATHS) else body
    request = (scope["path"], scope["query_string"].decode("latin-1"), compared.decode("latin-1"))
    return idempotency_record(caller.organization_id, caller.subject, key, *request)


async def _store_response(
    responses: IdempotentResponses, record: IdempotencyRecord, messages: list[Message], secret: bool
) -> bool:
    start = messages[0]
    if not 200 <= start["status"] < 300:
        return False
    body = b"".join(message.get("body", b"") for message in messages[1:])
    media_type = Headers(raw=start["headers"]).get("content-type", "application/json")
    await responses.store(record, StoredResponse(start["status"], media_type, None if secret else body))
    return True


def _replayed_response(stored: StoredResponse) -> Response:
    """Raises Problem 409 `shown_once` when the first response had a secret."""
    if stored.body is None:
        detail = (
            "this was done, and its answer showed a secret that is kept nowhere; to have it shown again, delete what "
            "was made if it is a key or an invitation, and ask with a new Idempotency-Key"
        )
        raise Problem(409, "shown_once", detail)
    return Response(stored.body, stored.status, {"Idempotency-Replayed": "true"}, stored.media_type)
