"""Routes as values: the handlers, the OpenAPI document and the HTML page come from one table."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web

from simulator.control.bodies import ControlBody, EmptyBody
from simulator.control.errors import BadInput, NotFound
from simulator.load import LoadRun
from simulator.people.contact import SimulatedContact
from simulator.people.phone import SimulatedPhone
from simulator.scenario import DemoScenario
from simulator.server.accounts import SimulatedAccount
from simulator.world import World

T = TypeVar("T")


@dataclass
class ControlContext:
    """The state that handlers use."""

    world: World
    load: LoadRun | None = None
    scenario: DemoScenario | None = None

    def phone(self, number: str) -> SimulatedPhone:
        return _find(self.world.phones, number, "phone", "POST /phones")

    def contact(self, number: str) -> SimulatedContact:
        return _find(self.world.contacts, number, "contact", "POST /contacts")

    def account(self, number: str) -> SimulatedAccount:
        return _find(self.world.network.accounts, number, "phone or contact", "POST /phones or POST /contacts")


def _find(items: dict[str, T], number: str, kind: str, remedy: str) -> T:
    if number not in items:
        raise NotFound(f"there is no {kind} with the number {number}: make it with {remedy}")
    return items[number]


@dataclass(frozen=True)
class RouteCall:
    """One request: path and query parameters, and the parsed body."""

    context: ControlContext
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


Handler = Callable[[RouteCall], Awaitable[Any]]


@dataclass(frozen=True)
class ControlRoute:
    method: str
    path: str
    summary: str
    handler: Handler
    body: type[ControlBody] = EmptyBody
    query: tuple[str, ...] = ()
    status: int = 200

    async def serve(self, context: ControlContext, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        try:
            plain = json.loads(raw) if raw else {}
        except ValueError as error:
            raise BadInput("the body is not JSON") from error
        body = self.body.model_validate(plain)
        answer = await self.handler(RouteCall(context, dict(request.match_info), dict(request.query), body))
        if isinstance(answer, web.StreamResponse):
            return answer
        return web.json_response(answer, status=self.status)


@dataclass
class RouteTable:
    """Collects the routes of one module by decorators."""

    routes: list[ControlRoute] = field(default_factory=list)

    def add(self, method: str, path: str, summary: str, **more: Any) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            self.routes.append(ControlRoute(method, path, summary, handler, **more))
            return handler

        return register
