"""The loopback CONNECT proxy. A tunnel is upgraded to TLS in place and handed to aiohttp: one hop per connection."""

import asyncio
import base64
import binascii
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

MAX_HEAD_BYTES = 16384


class HttpProtocol(Protocol):
    """The methods of the HTTP protocol that takes over after the TLS upgrade."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...
    def connection_lost(self, exc: BaseException | None) -> None: ...
    def data_received(self, data: bytes) -> None: ...
    def eof_received(self) -> bool | None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


@dataclass(frozen=True)
class TunnelRules:
    """The TLS context, the factory of the HTTP protocol, and whether a proxy user name is refused."""

    tls: ssl.SSLContext
    protocol: Callable[[], HttpProtocol]
    refuses: Callable[[str | None], bool]


class _DelayedProtocol(asyncio.Protocol):
    """Buffers data that arrives before the inner protocol has its transport."""

    def __init__(self, inner: HttpProtocol) -> None:
        self._inner, self._early, self._ready, self._lost = inner, bytearray(), False, False

    def attach(self, transport: asyncio.Transport) -> None:
        self._inner.connection_made(transport)
        self._ready = True
        if self._early:
            self._inner.data_received(bytes(self._early))
        if self._lost:
            self._inner.connection_lost(None)

    def data_received(self, data: bytes) -> None:
        if self._ready:
            self._inner.data_received(data)
        else:
            self._early += data

    def eof_received(self) -> bool | None:
        return self._inner.eof_received() if self._ready else None

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        if self._ready:
            self._inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()


class Tunnel(asyncio.Protocol):
    """One accepted connection until the TLS upgrade."""

    def __init__(self, rules: TunnelRules) -> None:
        self._rules, self._head = rules, bytearray()
        self._upgrade_task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._head += data
        if len(self._head) > MAX_HEAD_BYTES:
            self._refuse("431 Request Header Fields Too Large")
        elif b"\r\n\r\n" in self._head:
            self._answer(self._head.split(b"\r\n\r\n", 1)[0].decode("latin1").split("\r\n"))

    def _answer(self, lines: list[str]) -> None:
        if not lines[0].startswith("CONNECT "):
            self._refuse("405 Method Not Allowed")
        elif self._rules.refuses(_user(lines[1:])):
            self._refuse("502 Bad Gateway")
        else:
            self._transport.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self._upgrade_task = asyncio.get_running_loop().create_task(self._upgrade())

    def _refuse(self, status: str) -> None:
        self._transport.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        self._transport.close()

    async def _upgrade(self) -> None:
        late = _DelayedProtocol(self._rules.protocol())
        loop = asyncio.get_running_loop()
        try:
            transport = await loop.start_tls(self._transport, late, self._rules.tls, server_side=True)
        except (ConnectionError, OSError):
            return
        if transport is not None:
            late.attach(transport)


def _user(headers: list[str]) -> str | None:
    """The user name of a Basic Proxy-Authorization header."""
    for header in headers:
        name, _, value = header.partition(":")
        if name.lower() == "proxy-authorization":
            try:
                return base64.b64decode(value.split()[-1]).decode().split(":")[0]
            except (binascii.Error, IndexError, UnicodeDecodeError):
                return None
    return None
