"""Parses every JSON body with limits before a route reads it; other bodies are passed on unread.

Requests without valid credentials may send only small bodies: a login is small, and every other route refuses them.
"""

from collections.abc import Awaitable, Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.middleware.http_methods import SAFE_METHODS
from services.api.problems import problem_response, to_problem
from shared.contracts.errors import Problem
from shared.contracts.principal import Principal
from shared.text.json_input import parse_json

MAX_ANONYMOUS_BODY_BYTES = 16_384


class JsonBodyMiddleware:
    """ASGI middleware after authentication."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            await self._app(scope, receive, send)
            return
        is_authenticated = isinstance(scope["state"].get("caller"), Principal)
        is_json = _is_json(scope)
        if is_authenticated and not is_json:
            await self._app(scope, receive, send)
            return
        try:
            body = await read_body(receive, None if is_authenticated else MAX_ANONYMOUS_BODY_BYTES)
            if body and is_json:
                parse_json(body)
        except Exception as error:
            await problem_response(to_problem(error), scope.get("state", {}).get("request_id", ""))(
                scope, receive, send
            )
            return
        await self._app(scope, replay_body(body, receive), send)


def _is_json(scope: Scope) -> bool:
    return "json" in Headers(scope=scope).get("content-type", "").lower()


async def read_body(receive: Callable[[], Awaitable[Message]], limit: int | None = None) -> bytes:
    """The whole body, at most `limit` bytes; RequestContextMiddleware has a limit too. Raises Problem 413."""
    parts: list[bytes] = []
    more, size = True, 0
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if limit is not None and size > limit:
            detail = f"without credentials the body may have at most {limit} bytes; send your token with the request"
            raise Problem(413, "body_too_large", detail)
        more = message.get("more_body", False)
    return b"".join(parts)


def replay_body(body: bytes, receive: Receive) -> Receive:
    """A `receive` for the wrapped application: the body that was read, then the messages after it."""
    replayed = False

    async def replay() -> Message:
        nonlocal replayed
        if replayed:
            return await receive()
        replayed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
