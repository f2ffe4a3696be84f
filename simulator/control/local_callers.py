"""The control interface is for programs and pages of this machine. It asks for no password, so a web page of another
site, which any browser on this machine may have open, must not drive it."""

from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web

from simulator.control.errors import problem

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_OWN_PAGES = frozenset({"same-origin", "none"})
"""Sec-Fetch-Site of a page of this interface, and of an address that the user typed."""


@web.middleware
async def only_local_callers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """403 unless the Host header is a loopback name and the request comes from no other page."""
    if not is_loopback(request.headers.get("Host", "")):
        # a name of somebody else's that resolves to 127.0.0.1 (DNS rebinding)
        return _refused("the Host header must be 127.0.0.1, localhost or [::1]")
    origin = request.headers.get("Origin")
    if origin is not None and origin.lower() != f"http://{request.headers['Host']}".lower():
        return _refused("pages of other origins may not use this interface")
    if request.headers.get("Sec-Fetch-Site", "none") not in _OWN_PAGES:
        return _refused("pages of other sites may not use this interface")
    return await handler(request)


def is_loopback(host: str) -> bool:
    """A Host header, with or without a port, that names this machine."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def _refused(detail: str) -> web.Response:
    return problem(403, "Forbidden", detail)
