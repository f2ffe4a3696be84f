"""What happens to every request before any route: an id, a bound on the body, headers of the answer."""

import re

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.problems import render
from shared.errors import Problem
from shared.ids import new_id
from shared.tracing import HEADER, following

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""A route that sets one of these keeps its own."""


def _too_large(limit: int) -> str:
    return f"the body may have at most {limit} bytes"


class Edge:
    """ASGI middleware. `limit`: bytes a request's body may have, announced or not."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app, self._limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope)
        asked = given.get(HEADER, "")
        request_id = asked if _REQUEST_ID.fullmatch(asked) else new_id()
        scope.setdefault("state", {})["request_id"] = request_id
        answer = _with_headers(send, request_id)
        announced = given.get("content-length", "0")
        if announced.isdigit() and int(announced) > self._limit:
            await render(Problem(413, "body_too_large", _too_large(self._limit)), request_id)(scope, receive, answer)
            return
        _read_forms_as_json(scope)
        with following(request_id):
            await self._app(scope, _bounded(receive, self._limit), answer)


def _read_forms_as_json(scope: Scope) -> None:
    """No route takes a form, but `curl -d '{...}'` calls its JSON one unless told otherwise."""
    headers = MutableHeaders(scope=scope)
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        headers["content-type"] = "application/json"


def _bounded(receive: Receive, limit: int) -> Receive:
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise HTTPException(413, _too_large(limit))
        return message

    return bounded


def _with_headers(send: Send, request_id: str) -> Send:
    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers[HEADER] = request_id
            for name, value in _SECURITY.items():
                headers.setdefault(name, value)
        await send(message)

    return answer
