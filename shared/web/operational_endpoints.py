"""Operational endpoints are for who reaches the service itself: never for a request that a proxy passed on."""

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

OPERATIONAL_PATHS = frozenset({"/livez", "/readyz", "/metrics", "/workers"})
_OF_PROXIES = (b"x-forwarded-", b"forwarded", b"x-real-ip", b"via")
"""How the headers begin that a proxy adds. No probe, scraper or launcher sends one."""


class OperationsGuard:
    """ASGI middleware in front of everything else, which may take such headers away."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] in OPERATIONAL_PATHS and _passed_on(scope):
            await JSONResponse({"status": "not found"}, status_code=404)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def _passed_on(scope: Scope) -> bool:
    return any(name.lower().startswith(_OF_PROXIES) for name, _ in scope["headers"])
