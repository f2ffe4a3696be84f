"""What the local front server refuses before it asks a service: foreign Host headers and operational endpoints."""

import asyncio
import os
import posixpath

from aiohttp import web

from shared.web.allowed_hosts import host_name, is_loopback, parse_hosts

_OPERATIONS = ("/livez", "/readyz", "/metrics", "/workers")
_FRAMING = 4_096
"""Bytes that Socket.IO puts around the payload of a client."""
HEADERS_TIMEOUT_S = 10.0
"""A connection without a complete request head after this long is closed."""


def max_client_message() -> int:
    """Bytes a browser may send at once over a WebSocket: the limit of the realtime service."""
    return int(os.environ.get("WA_SOCKET_PAYLOAD_LIMIT") or 300_000) + _FRAMING


def refusal(request: web.BaseRequest) -> web.Response | None:
    """The answer to what is not passed on."""
    if not _answers_to(host_name(request.headers.get("Host", ""))):
        detail = "the local front server answers to 127.0.0.1, localhost, [::1] and the names in WA_ALLOWED_HOSTS"
        return problem(421, "Misdirected Request", "host_not_allowed", detail)
    path = posixpath.normpath("/" + request.path.lower().replace("\\", "/")).replace("//", "/")
    if path.startswith(tuple(f"{name}/" for name in _OPERATIONS)) or path in _OPERATIONS:
        return problem(404, "Not Found", "not_found", "there is nothing at this address")
    return None


def _answers_to(name: str) -> bool:
    allowed = parse_hosts(os.environ.get("WA_ALLOWED_HOSTS", ""))
    below = tuple(known[1:] for known in allowed if known.startswith("*."))
    return is_loopback(name) or name in allowed or name.endswith(below)


def problem(status: int, title: str, code: str, detail: str) -> web.Response:
    """An error like those of the api."""
    body = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        "success": False,
        "error": code,
    }
    return web.json_response(body, status=status, content_type="application/problem+json")


class FirstRequests:
    """Closes connections on which no request has arrived in time; `arrived` tells of each that has."""

    def __init__(self, server: web.Server, timeout_s: float = HEADERS_TIMEOUT_S) -> None:
        self._server, self._timeout_s = server, timeout_s
        self._waiting: set[asyncio.BaseProtocol] = set()

    def arrived(self, request: web.BaseRequest) -> None:
        self._waiting.discard(request.protocol)

    def __call__(self) -> asyncio.Protocol:
        """A protocol for a new connection."""
        protocol = self._server()
        self._waiting.add(protocol)
        asyncio.get_running_loop().call_later(self._timeout_s, self._check, protocol)
        return protocol

    def _check(self, protocol: web.RequestHandler) -> None:
        if protocol in self._waiting:
            self._waiting.discard(protocol)
            if protocol.transport is not None:
                protocol.transport.abort()
