"""What comes before every route: who is calling, and whether he asked too much lately. Both hold for all replicas."""

from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.access.callers import authenticate
from services.api.access.rate_limits import RateLimits
from services.api.problems import problem_response, to_problem
from services.api.settings import ApiSettings
from services.api.store.rate_counters import RateLimitResult
from shared.contracts.errors import Problem
from shared.contracts.principal import Principal
from shared.platform.mongo import Database

_UNCOUNTED = "/api/simulator/"
"""The simulated phones of local mode ask as often as they like."""


class AuthenticationMiddleware:
    """ASGI middleware. Leaves in `state.caller` a Principal, None without a token, or the Problem of a bad one.

    A request that did not come over HTTP (services/api/bus) brings its caller, whom NATS let in.
    """

    def __init__(self, app: ASGIApp, settings: ApiSettings) -> None:
        self._app, self._settings, self._rate_limits = app, settings, RateLimits(settings)
        self._keys = settings.verification_keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        if "caller" in state:
            await self._app(scope, receive, send)
            return
        database: Database = scope["app"].state.context.database
        try:
            address = (scope.get("client") or ("", 0))[0]
            state["caller"] = await self._caller(database, Headers(scope=scope), address)
            counts = await self._take_rate_limits(database, state["caller"], scope["path"])
        except Exception as error:
            await problem_response(to_problem(error), state.get("request_id", ""))(scope, receive, send)
            return
        if full := [count for count in counts if not count.taken]:
            await problem_response(_refusal(full), state.get("request_id", ""))(scope, receive, _telling(send, full))
            return
        await self._app(scope, receive, _telling(send, counts))

    async def _caller(self, database: Database, headers: Headers, address: str) -> Principal | Problem | None:
        token = token_of(headers)
        if not token:
            return None
        try:
            return await authenticate(database, self._keys, token)
        except Problem as problem:
            return await self._rate_limits.problem_for(database, problem, address)

    async def _take_rate_limits(
        self, database: Database, caller: Principal | Problem | None, path: str
    ) -> list[RateLimitResult]:
        if not isinstance(caller, Principal) or path.startswith(_UNCOUNTED):
            return []
        return await self._rate_limits.take(database, caller.organization_id, caller.subject)


def token_of(headers: Mapping[str, str]) -> str:
    """Of `Authorization: Bearer …`, else of `X-Api-Key`; empty without either."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else headers.get("x-api-key", "")


def _refusal(full: list[RateLimitResult]) -> Problem:
    wait = max(count.retry_after_s for count in full)
    detail = f"more than {full[0].limit} requests in a minute; try again in {wait} s"
    return Problem(429, "rate_limited", detail, retry_after=wait)


def _telling(send: Send, counts: list[RateLimitResult]) -> Send:
    """Headers of the bucket that is closest to its limit."""
    if not counts:
        return send
    tightest = min(counts, key=lambda count: count.remaining)

    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["RateLimit-Limit"] = str(tightest.limit)
            headers["RateLimit-Remaining"] = str(tightest.remaining)
            headers["RateLimit-Reset"] = str(tightest.reset_s)
        await send(message)

    return answer
