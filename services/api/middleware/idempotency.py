"""`Idempotency-Key` on every POST: the same request again is answered with the first answer and not done again."""

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
"""Here the key is the message: a repetition tells how far the message is now."""
_AUTH_PATHS = "/api/auth/"
"""Requests and answers here hold secrets: not even a hash of the request is kept, a password could be guessed by it."""


class IdempotencyMiddleware:
    """ASGI middleware behind the gate. Only what was done is kept: a refused request may be repeated with its key."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = (
            Headers(scope=scope).get(IDEMPOTENCY_KEY_HEADER)
            if scope["type"] == "http" and scope["method"] == "POST"
            else None
        )
        caller = scope.get("state", {}).get("caller")
        if key is None or not isinstance(caller, Principal) or _SEND_PATHS.search(scope["path"]):
            await self._app(scope, receive, send)
            return
        database: Database = scope["app"].state.context.database
        try:
            body = await read_body(receive)
            claim = _record_of(scope, caller, key, body)
            known = await IdempotentResponses(database.answers).claim(claim)
            if known is not None:
                await _replayed_response(known)(scope, receive, send)
                return
        except Exception as error:
            await problem_response(to_problem(error), scope["state"]["request_id"])(scope, receive, send)
            return
        await self._execute_and_store(
            IdempotentResponses(database.answers), claim, (scope, replay_body(body, receive), send)
        )

    async def _execute_and_store(
        self, answers: IdempotentResponses, claim: IdempotencyRecord, call: tuple[Scope, Receive, Send]
    ) -> None:
        """Do it, and keep the answer before anybody sees it."""
        scope, receive, send = call
        said: list[Message] = []

        async def hear(message: Message) -> None:
            said.append(message)

        kept = False
        try:
            await self._app(scope, receive, hear)
            kept = await _store_response(answers, claim, said, may_contain_secrets(scope))
        finally:
            if not kept:
                await answers.release(claim)
        for message in said:
            await send(message)


def may_contain_secrets(scope: Scope) -> bool:
    """Whether the answer to this request may hold something marked `Secret`, or anything at all of a login."""
    if scope["path"].startswith(_AUTH_PATHS):
        return True
    routes = routes_at(scope["app"], scope["path"])
    return any(scope["method"] in (route.methods or ()) and response_has_secrets(route) for route in routes)


def response_has_secrets(route: Route) -> bool:
    """By the class of the answer: a field of type `Secret` is in it, at any depth. Of what has no class nothing is
    known, so nothing is kept."""
    if not isinstance(route, APIRoute) or route.response_model is None:
        return True
    return _has_secrets(route.response_model)


@cache
def _has_secrets(answer: Any) -> bool:
    return SECRET_MARK in json.dumps(TypeAdapter(answer).json_schema())


def _record_of(scope: Scope, caller: Principal, key: str, body: bytes) -> IdempotencyRecord:
    if not 0 < len(key) <= _MAX_KEY_LENGTH:
        raise Problem(
            422, "validation_failed", f"{IDEMPOTENCY_KEY_HEADER}: 1 to {_MAX_KEY_LENGTH} characters, for example a UUID"
        )
    told = b"" if scope["path"].startswith(_AUTH_PATHS) else body
    request = (scope["path"], scope["query_string"].decode("latin-1"), told.decode("latin-1"))
    return idempotency_record(caller.organization_id, caller.subject, key, *request)


async def _store_response(
    answers: IdempotentResponses, claim: IdempotencyRecord, said: list[Message], secret: bool
) -> bool:
    start = said[0]
    if not 200 <= start["status"] < 300:
        return False
    body = b"".join(message.get("body", b"") for message in said[1:])
    media_type = Headers(raw=start["headers"]).get("content-type", "application/json")
    await answers.store(claim, StoredResponse(start["status"], media_type, None if secret else body))
    return True


def _replayed_response(known: StoredResponse) -> Response:
    """Raises Problem 409 `shown_once`."""
    if known.body is None:
        detail = (
            "this was done, and its answer showed a secret that is kept nowhere; to have it shown again, delete what "
            "was made if it is a key or an invitation, and ask with a new Idempotency-Key"
        )
        raise Problem(409, "shown_once", detail)
    return Response(known.body, known.status, {"Idempotency-Replayed": "true"}, known.media_type)
