"""Operational endpoints (health, metrics) are refused for requests that came through a proxy."""

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

OPERATIONAL_PATHS = frozenset({"/livez", "/readyz", "/metrics", "/workers"})
_PROXY_HEADERS = (b"x-forwarded-", b"forwarded", b"x-real-ip", b"via")
"""Prefixes of headers that a proxy adds. Probes, scrapers and the launcher send none of them."""


class OperationsGuard:
    """The outermost ASGI middleware: inner ones may remove such headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] in OPERATIONAL_PATHS and _came_through_proxy(scope):
            await JSONResponse({"status": "not found"}, status_code=404)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _came_through_proxy(scope: Scope) -> bool:
    return any(name.lower().startswith(_PROXY_HEADERS) for name, _ in scope["headers"])
