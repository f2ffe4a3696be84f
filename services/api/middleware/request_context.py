"""Gives every request an id, limits its path, headers and body, and adds security headers to the response."""

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
"""All headers together, names and values."""
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Defaults: a route may set its own value."""
_TLS_HEADERS = {"Strict-Transport-Security": "max-age=31536000"}
"""After one response over TLS, browsers use TLS for a year."""


def _too_large(limit: int) -> str:
    return f"the body may have at most {limit} bytes"


class RequestContextMiddleware:
    """ASGI middleware. `limit`: bytes of a request's body, with or without Content-Length."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent_id = Headers(scope=scope).get(HEADER, "")
        request_id = sent_id if _REQUEST_ID.fullmatch(sent_id) else new_id()
        scope.setdefault("state", {})["request_id"] = request_id
        send_response = _with_headers(send, request_id, scope.get("scheme") == "https")
        if problem := self._refusal(scope):
            await problem_response(problem, request_id)(scope, receive, send_response)
            return
        _read_forms_as_json(scope)
        with bound_request_id(request_id):
            await self._app(_as_get(scope), _limited_body(receive, self._limit), send_response)

    def _refusal(self, scope: Scope) -> Problem | None:
        """What is too large is refused before it is read."""
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
    """HEAD of a page is handled as GET; the server omits the body. Routes of the API have no HEAD."""
    if scope["method"] == "HEAD" and not scope["path"].startswith("/api/"):
        return {**scope, "method": "GET"}
    return scope


def _read_forms_as_json(scope: Scope) -> None:
    """No route accepts a form, but `curl -d '{...}'` declares its JSON as one by default."""
    headers = MutableHeaders(scope=scope)
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        headers["content-type"] = "application/json"


def _limited_body(receive: Receive, limit: int) -> Receive:
    received_bytes = 0

    async def receive_limited() -> Message:
        nonlocal received_bytes
        message = await receive()
        received_bytes += len(message.get("body", b""))
        if received_bytes > limit:
            raise HTTPException(413, _too_large(limit))
        return message

    return receive_limited


def _with_headers(send: Send, request_id: str, over_tls: bool) -> Send:
    defaults = _SECURITY_HEADERS | (_TLS_HEADERS if over_tls else {})

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers[HEADER] = request_id
            for name, value in defaults.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers
