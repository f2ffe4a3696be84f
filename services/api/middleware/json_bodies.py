"""Every JSON body is read once with limits before a route sees it; bodies of other kinds go on as they are.

Who shows no valid credentials may send little: a login is small, and every other route refuses without looking at it.
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
    """ASGI middleware behind the gate."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            await self._app(scope, receive, send)
            return
        known, is_json = isinstance(scope["state"].get("caller"), Principal), _is_json(scope)
        if known and not is_json:
            await self._app(scope, receive, send)
            return
        try:
            body = await read_body(receive, None if known else MAX_ANONYMOUS_BODY_BYTES)
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
    """All parts; Edge bounds their sum too. Raises Problem 413."""
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
    """For the application behind: the body that was read, then whatever comes."""
    told = False

    async def replay() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
