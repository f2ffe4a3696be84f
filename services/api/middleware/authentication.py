"""Authenticates every request and counts it against the rate limits, which all replicas share."""

from collections.abc import Mapping
from functools import partial

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.access.callers import authenticate
from services.api.access.rate_limits import RateLimits
from services.api.context import ApiContext
from services.api.problems import problem_response, to_problem
from services.api.settings import ApiSettings
from services.api.store.rate_counters import RateLimitResult
from shared.contracts.errors import Problem
from shared.contracts.principal import Principal
from shared.platform.mongo import Database

_NOT_RATE_LIMITED_PATH = "/api/simulator/"
"""Not rate limited: the simulated phones of local mode."""


class AuthenticationMiddleware:
    """ASGI middleware. Sets `state.caller`: a Principal, None without a token, or the Problem of an invalid one.

    Requests that came over NATS (services/api/nats) already have a caller: NATS authenticated it.
    """

    def __init__(self, app: ASGIApp, settings: ApiSettings) -> None:
        self._app = app
        self._rate_limits = RateLimits(settings)
        self._keys = settings.verification_keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        if "caller" in state:
            await self._app(scope, receive, send)
            return
        context: ApiContext = scope["app"].state.context
        database = context.database
        try:
            address = (scope.get("client") or ("", 0))[0]
            state["caller"] = await self._caller(context, Headers(scope=scope), address)
            results = await self._take_rate_limits(database, state["caller"], scope["path"])
        except Exception as error:
            await problem_response(to_problem(error), state.get("request_id", ""))(scope, receive, send)
            return
        if exceeded := [result for result in results if not result.taken]:
            response = problem_response(_refusal(exceeded), state.get("request_id", ""))
            await response(scope, receive, _with_rate_headers(send, exceeded))
            return
        await self._app(scope, receive, _with_rate_headers(send, results))

    async def _caller(self, context: ApiContext, headers: Headers, address: str) -> Principal | Problem | None:
        token = token_of(headers)
        if not token:
            return None
        try:
            return await context.callers.find(token, partial(authenticate, context.database, self._keys))
        except Problem as problem:
            return await self._rate_limits.problem_for(context.database, problem, address)

    async def _take_rate_limits(
        self, database: Database, caller: Principal | Problem | None, path: str
    ) -> list[RateLimitResult]:
        if not isinstance(caller, Principal) or path.startswith(_NOT_RATE_LIMITED_PATH):
            return []
        return await self._rate_limits.take(database, caller.organization_id, caller.subject)


def token_of(headers: Mapping[str, str]) -> str:
    """From `Authorization: Bearer …`, else from `X-Api-Key`; empty without either."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else headers.get("x-api-key", "")


def _refusal(exceeded: list[RateLimitResult]) -> Problem:
    retry_after_s = max(result.retry_after_s for result in exceeded)
    detail = f"more than {exceeded[0].limit} requests in a minute; try again in {retry_after_s} s"
    return Problem(429, "rate_limited", detail, retry_after=retry_after_s)


def _with_rate_headers(send: Send, results: list[RateLimitResult]) -> Send:
    """Adds the RateLimit headers of the bucket that is closest to its limit."""
    if not results:
        return send
    tightest = min(results, key=lambda result: result.remaining)

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["RateLimit-Limit"] = str(tightest.limit)
            headers["RateLimit-Remaining"] = str(tightest.remaining)
            headers["RateLimit-Reset"] = str(tightest.reset_s)
        await send(message)

    return send_with_headers
