"""A route as a value: from one table come the handlers, the OpenAPI document and the page for people."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web

from simulator.control.bodies import Body, Nothing
from simulator.control.errors import BadInput, Unknown
from simulator.load import LoadRun
from simulator.people.contact import Contact
from simulator.people.phone import Phone
from simulator.scenario import Scenario
from simulator.server.accounts import Account
from simulator.world import World

T = TypeVar("T")


@dataclass
class Context:
    """What handlers work on."""

    world: World
    load: LoadRun | None = None
    scenario: Scenario | None = None

    def phone(self, number: str) -> Phone:
        return _found(self.world.phones, number, "phone", "POST /phones")

    def contact(self, number: str) -> Contact:
        return _found(self.world.contacts, number, "contact", "POST /contacts")

    def account(self, number: str) -> Account:
        return _found(self.world.network.accounts, number, "phone or contact", "POST /phones or POST /contacts")


def _found(known: dict[str, T], number: str, what: str, remedy: str) -> T:
    if number not in known:
        raise Unknown(f"there is no {what} with the number {number}: make it with {remedy}")
    return known[number]


@dataclass(frozen=True)
class Call:
    """One request: path and query parameters, and the parsed body."""

    context: Context
    path: dict[str, str]
    query: dict[str, str]
    body: Any

    def number(self, name: str, default: float, largest: float) -> float:
        """A number of the query string, from 0 to `largest`. Raises BadInput."""
        try:
            value = float(self.query.get(name, default))
        except ValueError as error:
            raise BadInput(f"{name} must be a number, not {self.query[name]!r}") from error
        if not 0 <= value <= largest:
            raise BadInput(f"{name} must be between 0 and {largest:g}")
        return value


Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    summary: str
    handler: Handler
    body: type[Body] = Nothing
    query: tuple[str, ...] = ()
    status: int = 200

    async def serve(self, context: Context, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        try:
            plain = json.loads(raw) if raw else {}
        except ValueError as error:
            raise BadInput("the body is not JSON") from error
        body = self.body.model_validate(plain)
        answer = await self.handler(Call(context, dict(request.match_info), dict(request.query), body))
        if isinstance(answer, web.StreamResponse):
            return answer
        return web.json_response(answer, status=self.status)


@dataclass
class Table:
    """Collects the routes of one module by decorators."""

    routes: list[Route] = field(default_factory=list)

    def add(self, method: str, path: str, summary: str, **more: Any) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            self.routes.append(Route(method, path, summary, handler, **more))
            return handler

        return register
