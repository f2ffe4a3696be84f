"""The Host header: a web page whose name suddenly resolves to this server's address (DNS rebinding) gets nothing."""

from collections.abc import Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.web.operational_endpoints import OPERATIONAL_PATHS


def parse_hosts(text: str) -> tuple[str, ...]:
    """Host names with commas. Sites as a front server knows them may stand here too: `https://chat.example.com:8443` is
    its name, `:3000` names no host and is left out. Raises ValueError."""
    found: list[str] = []
    for part in text.replace(" ", ",").split(","):
        if name := host_name(part.rpartition("://")[2]):
            if "*" in name.removeprefix("*.") or not name.removeprefix("*.") or "/" in name:
                raise ValueError(f"{part!r} is no host name; write chat.example.com, or *.example.com for all below it")
            found.append(name)
    return tuple(found)


def host_name(host: str) -> str:
    """Without port, final dot and capitals; empty when there is none, or when it cannot be read."""
    try:
        return (urlsplit(f"//{host}").hostname or "").removesuffix(".")
    except ValueError:
        return ""


def is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


class AllowedHosts:
    """ASGI middleware in front of all routes. `only_loopback`: without names, none but loopback."""

    def __init__(self, app: ASGIApp, names: Sequence[str], only_loopback: bool) -> None:
        self._app, self._names = app, frozenset(names)
        self._below = tuple(name[1:] for name in names if name.startswith("*."))
        self._any = not names and not only_loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._any or scope["type"] not in ("http", "websocket") or self._allows(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            await _refusal()(scope, receive, send)

    def _allows(self, scope: Scope) -> bool:
        """Probes call operational paths by the address of the container, which no web page can pretend to be."""
        given = Headers(scope=scope).getlist("host")
        if len(given) != 1:  # a probe of HTTP/1.0 may send none, a browser always sends one
            return not given and scope.get("path") in OPERATIONAL_PATHS
        name = host_name(given[0])
        if is_loopback(name) or name in self._names or (self._below and name.endswith(self._below)):
            return True
        return scope.get("path") in OPERATIONAL_PATHS and _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _refusal() -> JSONResponse:
    detail = (
        "this service does not answer to the name in the Host header; who runs it adds the name to WA_ALLOWED_HOSTS"
    )
    body = {
        "type": "urn:switchboard:problem:host_not_allowed",
        "title": "Misdirected Request",
        "status": 421,
        "detail": detail,
        "code": "host_not_allowed",
        "request_id": "",
        "success": False,
        "error": detail,
    }
    return JSONResponse(body, status_code=421, media_type="application/problem+json")
