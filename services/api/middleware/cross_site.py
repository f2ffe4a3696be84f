"""Protection against cross-site request forgery: web pages of other sites cannot change anything, not by forms either.

Browsers send the origin of a request in Sec-Fetch-Site and Origin, and no page can change these headers. Other programs
do not send them and are not restricted.
"""

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from services.api.middleware.http_methods import SAFE_METHODS
from services.api.problems import problem_response
from shared.contracts.errors import Problem

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class CrossSiteMiddleware:
    """ASGI middleware. `origins`: of front ends on other hosts that are allowed; `*` allows all."""

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origin.rstrip("/").lower() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS or self._is_same_site(Headers(scope=scope)):
            await self._app(scope, receive, send)
            return
        detail = "the request comes from a web page of another site; WA_CORS_ORIGINS names those that may"
        await problem_response(Problem(403, "cross_site", detail), scope["state"]["request_id"])(scope, receive, send)

    def _is_same_site(self, headers: Headers) -> bool:
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if "*" in self._origins or (origin and origin.lower() in self._origins):
            return True
        if site is not None:
            return site in ("same-origin", "none")
        return origin is None or _same_host(origin.lower(), headers.get("host", "").lower())


def _same_host(origin: str, host: str) -> bool:
    """The scheme is not compared: a front server may terminate TLS without saying so."""
    scheme, _, name = origin.partition("://")
    port = _DEFAULT_PORTS.get(scheme, "")
    return bool(name) and name.removesuffix(port) == host.removesuffix(port)
