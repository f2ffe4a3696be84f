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

from services.api.middleware.json_bodies import replayed, whole_body
from services.api.problems import problem_of, render
from services.api.responses import SECRET_MARK
from services.api.route_matching import routes_at
from services.api.store.idempotent_responses import Answer, Answers, Claim, claim_of
from shared.contracts.errors import Problem
from shared.contracts.principal import Principal
from shared.platform.mongo import Database

HEADER = "Idempotency-Key"
_LONGEST_KEY = 255
_SENDS = re.compile(r"/send(-message)?/?$")
"""Here the key is the message: a repetition tells how far the message is now."""
_WITH_PASSWORDS = "/api/auth/"
"""Requests and answers here hold secrets: not even a hash of the request is kept, a password could be guessed by it."""


class Repeats:
    """ASGI middleware behind the gate. Only what was done is kept: a refused request may be repeated with its key."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = Headers(scope=scope).get(HEADER) if scope["type"] == "http" and scope["method"] == "POST" else None
        caller = scope.get("state", {}).get("caller")
        if key is None or not isinstance(caller, Principal) or _SENDS.search(scope["path"]):
            await self._app(scope, receive, send)
            return
        database: Database = scope["app"].state.context.database
        try:
            body = await whole_body(receive)
            claim = _claim(scope, caller, key, body)
            known = await Answers(database.answers).take(claim)
            if known is not None:
                await _repeated(known)(scope, receive, send)
                return
        except Exception as error:
            await render(problem_of(error), scope["state"]["request_id"])(scope, receive, send)
            return
        await self._first(Answers(database.answers), claim, (scope, replayed(body, receive), send))

    async def _first(self, answers: Answers, claim: Claim, call: tuple[Scope, Receive, Send]) -> None:
        """Do it, and keep the answer before anybody sees it."""
        scope, receive, send = call
        said: list[Message] = []

        async def hear(message: Message) -> None:
            said.append(message)

        kept = False
        try:
            await self._app(scope, receive, hear)
            kept = await _keep(answers, claim, said, shows_secrets(scope))
        finally:
            if not kept:
                await answers.release(claim)
        for message in said:
            await send(message)


def shows_secrets(scope: Scope) -> bool:
    """Whether the answer to this request may hold something marked `Secret`, or anything at all of a login."""
    if scope["path"].startswith(_WITH_PASSWORDS):
        return True
    routes = routes_at(scope["app"], scope["path"])
    return any(scope["method"] in (route.methods or ()) and answer_has_secrets(route) for route in routes)


def answer_has_secrets(route: Route) -> bool:
    """By the class of the answer: a field of type `Secret` is in it, at any depth. Of what has no class nothing is
    known, so nothing is kept."""
    if not isinstance(route, APIRoute) or route.response_model is None:
        return True
    return _has_secrets(route.response_model)


@cache
def _has_secrets(answer: Any) -> bool:
    return SECRET_MARK in json.dumps(TypeAdapter(answer).json_schema())


def _claim(scope: Scope, caller: Principal, key: str, body: bytes) -> Claim:
    if not 0 < len(key) <= _LONGEST_KEY:
        raise Problem(422, "validation_failed", f"{HEADER}: 1 to {_LONGEST_KEY} characters, for example a UUID")
    told = b"" if scope["path"].startswith(_WITH_PASSWORDS) else body
    request = (scope["path"], scope["query_string"].decode("latin-1"), told.decode("latin-1"))
    return claim_of(caller.organization_id, caller.subject, key, *request)


async def _keep(answers: Answers, claim: Claim, said: list[Message], secret: bool) -> bool:
    start = said[0]
    if not 200 <= start["status"] < 300:
        return False
    body = b"".join(message.get("body", b"") for message in said[1:])
    media_type = Headers(raw=start["headers"]).get("content-type", "application/json")
    await answers.keep(claim, Answer(start["status"], media_type, None if secret else body))
    return True


def _repeated(known: Answer) -> Response:
    """Raises Problem 409 `shown_once`."""
    if known.body is None:
        detail = (
            "this was done, and its answer showed a secret that is kept nowhere; to have it shown again, delete what "
            "was made if it is a key or an invitation, and ask with a new Idempotency-Key"
        )
        raise Problem(409, "shown_once", detail)
    return Response(known.body, known.status, {"Idempotency-Replayed": "true"}, known.media_type)
