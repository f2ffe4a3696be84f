"""The api in this process without a server: requests as a server hands them over, down to the last byte."""

import asyncio
import urllib.parse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message

from services.api.app import create_app
from services.api.settings import ApiSettings

WITHOUT_LIMITS = {
    "rate_limit_caller": 0,
    "rate_limit_organization": 0,
    "rate_limit_failures": 1_000_000,
    "login_failures": 100_000,
    "login_failures_address": 100_000,
}
"""Settings without rate limits, for tests that send more requests than any client."""


@dataclass(frozen=True)
class Answer:
    """`headers`: names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class InProcess:
    """The app between the start and the end of its lifespan."""

    app: ASGIApp
    defaults: dict[str, str] = field(default_factory=dict)

    async def ask(
        self, method: str, target: str, body: bytes = b"", headers: dict[str, str] | None = None, **scope: Any
    ) -> Answer:
        """`target`: path and query, as in the first line of a request."""
        raw, _, query = target.partition("?")
        given = {"host": "127.0.0.1", **self.defaults, **(headers or {})}
        if body:
            given.setdefault("content-type", "application/json")
        asked = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": urllib.parse.unquote(raw),
            "raw_path": raw.encode("latin-1", "replace"),
            "query_string": query.encode("latin-1", "replace"),
            "root_path": "",
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "state": {},
            "headers": [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in given.items()],
        } | scope
        said: list[Message] = []
        left = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            return left.pop() if left else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            said.append(message)

        try:
            await self.app(asked, receive, send)
        except Exception:  # an app answers 500 first and raises then, for the log of the server
            if not said:
                raise
        start = said[0]
        names = {name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]}
        return Answer(start["status"], names, b"".join(message.get("body", b"") for message in said[1:]))


@asynccontextmanager
async def in_process(settings: ApiSettings) -> AsyncIterator[InProcess]:
    """Started, with its connections."""
    app = create_app(settings)
    to_app: asyncio.Queue[Message] = asyncio.Queue()
    from_app: asyncio.Queue[Message] = asyncio.Queue()
    task = asyncio.ensure_future(app({"type": "lifespan", "state": {}}, to_app.get, from_app.put))
    await to_app.put({"type": "lifespan.startup"})
    assert (await from_app.get())["type"] == "lifespan.startup.complete"
    try:
        yield InProcess(app)
    finally:
        await to_app.put({"type": "lifespan.shutdown"})
        await task
