"""Every JSON body is read once with limits before a route sees it; bodies of other kinds go on as they are."""

from collections.abc import Awaitable, Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.json_input import parse_json
from services.api.problems import problem_of, render

_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS"})


class Bodies:
    """ASGI middleware behind the gate."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _WITHOUT_BODY or not _is_json(scope):
            await self._app(scope, receive, send)
            return
        try:
            body = await whole_body(receive)
            if body:
                parse_json(body)
        except Exception as error:
            await render(problem_of(error), scope.get("state", {}).get("request_id", ""))(scope, receive, send)
            return
        await self._app(scope, replayed(body, receive), send)


def _is_json(scope: Scope) -> bool:
    return "json" in Headers(scope=scope).get("content-type", "").lower()


async def whole_body(receive: Callable[[], Awaitable[Message]]) -> bytes:
    """All parts; Edge bounds their sum."""
    parts: list[bytes] = []
    more = True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


def replayed(body: bytes, receive: Receive) -> Receive:
    """For the application behind: the body that was read, then whatever comes."""
    told = False

    async def replay() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
