"""What every service starts with: operational endpoints, an ASGI app and its server."""

import logging
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, suppress

import uvicorn
from prometheus_client import make_asgi_app
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.config import STARTUP_FAILURE

from shared.contracts.message import utc_now
from shared.platform.background import TASK_FAILED, process_end
from shared.platform.garbage_collection import collect_less_often
from shared.platform.logs import configure_logging
from shared.platform.readiness import Check, failed_checks
from shared.platform.settings import Settings
from shared.platform.weak_secrets import has_password
from shared.web.allowed_hosts import AllowedHosts, parse_hosts
from shared.web.bounded_http import BoundedHttp
from shared.web.bounded_websocket import BoundedWebSocket
from shared.web.operational_endpoints import OperationsGuard
from shared.web.trusted_proxies import TrustedProxies, parse_networks

MAX_SOCKET_MESSAGE = 65_536
"""Bytes of a WebSocket message for services that have none to receive."""

KEEP_ALIVE_S = 130
"""An idle connection lives longer here than in any front server (Caddy 120 s, nginx 60 s, the local one 15 s): one that
is closed here first may be closed while a request is on its way, which the front server answers with 502."""

Lifespan = Callable[[], AbstractAsyncContextManager[None]]
log = logging.getLogger(__name__)


def with_ops(app: ASGIApp, checks: dict[str, Check], settings: Settings) -> ASGIApp:
    """`/livez`, `/readyz` and `/metrics` in front of any ASGI app; in front of them the checks of address and host.

    `/readyz` runs every check and answers 503 with the failing ones by name.
    """
    metrics = make_asgi_app()

    async def ready() -> Response:
        failed = await failed_checks(checks)
        body: dict[str, object] = {"status": "unavailable" if failed else "ok", "timestamp": utc_now().isoformat()}
        return JSONResponse(body | ({"failed": failed} if failed else {}), status_code=503 if failed else 200)

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "") if scope["type"] == "http" else ""
        if path == "/metrics":
            await metrics(scope, receive, send)
        elif path == "/livez":
            await JSONResponse({"status": "ok"})(scope, receive, send)
        elif path == "/readyz":
            await (await ready())(Request(scope).scope, receive, send)
        else:
            await app(scope, receive, send)

    local = settings.environment == "local"
    guarded = AllowedHosts(dispatch, parse_hosts(settings.allowed_hosts), only_loopback=local)
    return OperationsGuard(TrustedProxies(guarded, parse_networks(settings.trusted_proxies)))


def lifespan_app(lifespan: Lifespan) -> ASGIApp:
    """An ASGI app without routes that only holds a lifespan: for the services that only consume."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _run_lifespan(lifespan, receive, send)
        else:
            await JSONResponse({"status": "not found"}, status_code=404)(scope, receive, send)

    return app


async def _run_lifespan(lifespan: Lifespan, receive: Receive, send: Send) -> None:
    await receive()
    try:
        async with lifespan():
            await send({"type": "lifespan.startup.complete"})
            await receive()
    except Exception as error:
        log.exception("the service could not start or stop")
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        raise
    await send({"type": "lifespan.shutdown.complete"})


def start_advice(service: str, settings: Settings, environ: Mapping[str, str]) -> list[str]:
    """What is not wrong enough to refuse the start, with what to do."""
    advice: list[str] = []
    if environ.get("WA_TOKEN_SECRET"):
        advice.append("WA_TOKEN_SECRET is set and no longer used: remove it (tokens are signed with a key pair now)")
    if service != "api" and environ.get("WA_TOKEN_PRIVATE_KEY"):
        advice.append("WA_TOKEN_PRIVATE_KEY is set for a service that must not have it: give it to the api only")
    if settings.environment == "local":
        return advice
    for name, url in (("NATS_URL", settings.nats_url), ("MONGO_URL", settings.mongo_url)):
        if not has_password(url):
            advice.append(f"{name} names no user: everybody who reaches that server can read and change everything")
    if service in ("api", "realtime") and not parse_hosts(settings.allowed_hosts):
        advice.append("WA_ALLOWED_HOSTS is empty, so any Host header is accepted: set the name this server has")
    return advice


def server_config(app: ASGIApp, settings: Settings, max_message: int = MAX_SOCKET_MESSAGE) -> uvicorn.Config:
    """Of the server of a service. max_message: bytes a WebSocket client may send at once; no more is held for it."""
    return uvicorn.Config(
        app,
        host=settings.http_host,
        port=settings.http_port,
        log_config=None,
        access_log=False,
        lifespan="on",
        http=BoundedHttp,
        proxy_headers=False,  # shared/web/trusted_proxies.py does it
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(settings.shutdown_grace.total_seconds()) or 1,
        server_header=False,
        ws=BoundedWebSocket,
        ws_max_size=max_message,
        ws_max_queue=1,
        ws_per_message_deflate=False,  # events are small; a compressor would double the memory of every socket
    )


def serve(app: ASGIApp, service: str, settings: Settings, max_message: int = MAX_SOCKET_MESSAGE) -> None:
    """Run until SIGTERM or Ctrl-C; what is under way gets `shutdown_grace` to finish. Exits with
    TASK_FAILED when a critical task ended."""
    configure_logging(service, settings.log_level, settings.log_format)
    for advice in start_advice(service, settings, os.environ):
        log.warning(advice)
    server = uvicorn.Server(server_config(app, settings, max_message))

    def stop() -> None:
        server.should_exit = True

    process_end.stop = stop
    collect_less_often()
    with suppress(KeyboardInterrupt):
        server.run()
    if process_end.failed_task:
        log.error("ended because the task %s failed", process_end.failed_task)
        sys.exit(TASK_FAILED)
    if not server.started:
        sys.exit(STARTUP_FAILURE)
