"""Web pages of other sites change nothing here: not with forms either, which are read as JSON.

A browser says where a request comes from, in Sec-Fetch-Site and Origin, and no page can change that. Other programs say
nothing of the kind and are not concerned.
"""

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from services.api.middleware.http_methods import SAFE_METHODS
from services.api.problems import problem_response
from shared.contracts.errors import Problem

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class CrossSiteMiddleware:
    """ASGI middleware. `origins`: those of front ends on other hosts; `*` allows all."""

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app, self._origins = app, frozenset(origin.rstrip("/").lower() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS or self._is_own(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        detail = "the request comes from a web page of another site; WA_CORS_ORIGINS names those that may"
        await problem_response(Problem(403, "cross_site", detail), scope["state"]["request_id"])(scope, receive, send)

    def _is_own(self, headers: Headers) -> bool:
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if "*" in self._origins or (origin and origin.lower() in self._origins):
            return True
        if site is not None:
            return site in ("same-origin", "none")
        return origin is None or _is_of(origin.lower(), headers.get("host", "").lower())


def _is_of(origin: str, host: str) -> bool:
    """The scheme is not compared: a front server may end TLS and not say so."""
    scheme, _, name = origin.partition("://")
    port = _DEFAULT_PORTS.get(scheme, "")
    return bool(name) and name.removesuffix(port) == host.removesuffix(port)
