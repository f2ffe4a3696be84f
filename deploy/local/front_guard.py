"""Requests that the local front server rejects itself: foreign Host headers and paths of operational endpoints."""

import asyncio
import os
import posixpath

from aiohttp import web

from shared.web.allowed_hosts import host_name, is_loopback, parse_hosts

_OPERATIONAL_PATHS = ("/livez", "/readyz", "/metrics", "/workers")
_SOCKET_IO_OVERHEAD_BYTES = 4_096
"""Bytes that Socket.IO adds to the payload of a client."""
HEADERS_TIMEOUT_S = 10.0
"""A connection without a complete request head after this time is closed."""


def max_client_message_bytes() -> int:
    """The largest WebSocket message of a browser in bytes: the limit of the realtime service."""
    return int(os.environ.get("WA_SOCKET_PAYLOAD_LIMIT") or 300_000) + _SOCKET_IO_OVERHEAD_BYTES


def rejection(request: web.BaseRequest) -> web.Response | None:
    """The error response for a request that is not passed on, else None."""
    if not _is_allowed_host(host_name(request.headers.get("Host", ""))):
        detail = "the local front server answers to 127.0.0.1, localhost, [::1] and the names in WA_ALLOWED_HOSTS"
        return problem_response(421, "Misdirected Request", "host_not_allowed", detail)
    path = posixpath.normpath("/" + request.path.lower().replace("\\", "/")).replace("//", "/")
    if path.startswith(tuple(f"{name}/" for name in _OPERATIONAL_PATHS)) or path in _OPERATIONAL_PATHS:
        return problem_response(404, "Not Found", "not_found", "there is nothing at this address")
    return None


def _is_allowed_host(name: str) -> bool:
    allowed = parse_hosts(os.environ.get("WA_ALLOWED_HOSTS", ""))
    suffixes = tuple(name[1:] for name in allowed if name.startswith("*."))
    return is_loopback(name) or name in allowed or name.endswith(suffixes)


def problem_response(status: int, title: str, code: str, detail: str) -> web.Response:
    """An error response in the format of the api."""
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


class RequestHeadTimeouts:
    """A protocol factory that closes connections without a request after `timeout_s`; call `on_request` for each."""

    def __init__(self, server: web.Server, timeout_s: float = HEADERS_TIMEOUT_S) -> None:
        self._server, self._timeout_s = server, timeout_s
        self._without_request: set[asyncio.BaseProtocol] = set()

    def on_request(self, request: web.BaseRequest) -> None:
        self._without_request.discard(request.protocol)

    def __call__(self) -> asyncio.Protocol:
        """The protocol of a new connection."""
        protocol = self._server()
        self._without_request.add(protocol)
        asyncio.get_running_loop().call_later(self._timeout_s, self._check, protocol)
        return protocol

    def _check(self, protocol: web.RequestHandler) -> None:
        if protocol in self._without_request:
            self._without_request.discard(protocol)
            if protocol.transport is not None:
                protocol.transport.abort()
