"""What happens to every request before any route: an id, bounds on address, headers and body, headers of the answer."""

import re

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.problems import problem_response
from shared.contracts.errors import Problem
from shared.contracts.ids import new_id
from shared.contracts.request_id import HEADER, bound_request_id

MAX_PATH_BYTES = 4_096
MAX_QUERY_BYTES = 12_288
MAX_HEADER_BYTES = 32_768
"""Of all headers together, names and values."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""A route that sets one of these keeps its own."""
_OVER_TLS = {"Strict-Transport-Security": "max-age=31536000"}
"""A browser that was here once over TLS never comes without it for a year."""


def _too_large(limit: int) -> str:
    return f"the body may have at most {limit} bytes"


class RequestContextMiddleware:
    """ASGI middleware. `limit`: bytes a request's body may have, announced or not."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app, self._limit = app, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope).get(HEADER, "")
        request_id = asked if _REQUEST_ID.fullmatch(asked) else new_id()
        scope.setdefault("state", {})["request_id"] = request_id
        answer = _with_headers(send, request_id, scope.get("scheme") == "https")
        if problem := self._refusal(scope):
            await problem_response(problem, request_id)(scope, receive, answer)
            return
        _read_forms_as_json(scope)
        with bound_request_id(request_id):
            await self._app(_as_get(scope), _bounded(receive, self._limit), answer)

    def _refusal(self, scope: Scope) -> Problem | None:
        """What is too long is refused before anything of it is read."""
        if len(scope.get("raw_path") or b"") > MAX_PATH_BYTES or len(scope["query_string"]) > MAX_QUERY_BYTES:
            detail = f"the path may have at most {MAX_PATH_BYTES} bytes, the query {MAX_QUERY_BYTES}"
            return Problem(414, "address_too_long", detail)
        if sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEADER_BYTES:
            detail = f"the headers may have at most {MAX_HEADER_BYTES} bytes together"
            return Problem(431, "headers_too_large", detail)
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isascii() and announced.isdigit() and (len(announced) > 18 or int(announced) > self._limit):
            return Problem(413, "body_too_large", _too_large(self._limit))
        return None


def _as_get(scope: Scope) -> Scope:
    """HEAD of a page is its GET without the body, which the server leaves out. Routes of the API have no HEAD."""
    if scope["method"] == "HEAD" and not scope["path"].startswith("/api/"):
        return {**scope, "method": "GET"}
    return scope


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


def _with_headers(send: Send, request_id: str, over_tls: bool) -> Send:
    guarding = _SECURITY | (_OVER_TLS if over_tls else {})

    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers[HEADER] = request_id
            for name, value in guarding.items():
                headers.setdefault(name, value)
        await send(message)

    return answer
