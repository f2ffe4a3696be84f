"""Holds back what the library says to WhatsApp until the journal surely has what it is about.

The library acknowledges a message while it is still on its way to our callback: killed at that moment, the process
would take the only copy with it. So the library is led through this relay, which forwards what comes in at once and
what may be an acknowledgement later (ack_delay_policy.py), or later still while callbacks are at work. A killed worker
then dies with its acknowledgements unsent, and WhatsApp delivers again. The relay sees only the bytes of the TLS
connection.
"""

import asyncio
import base64
import binascii
import logging
import secrets
import threading
import time
from contextlib import suppress
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from services.session.worker.library.ack_delay_policy import (
    IDLE_CONFIRMATION_S,
    MAX_ACK_DELAY_S,
    NO_CALLBACK_S,
    ProxiedClient,
    SecondsSinceCallback,
    process_is_busy,
    take_tls_records,
)
from shared.platform.background import note_failure, start_waited

_CONNECT_TIMEOUT_S, _MAX_HEADER_BYTES, _READ_BYTES, _MAX_QUEUED_RECORDS = 20.0, 16_384, 65_536, 256

log = logging.getLogger(__name__)


_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_TimedRecord = tuple[float, bytes]
"""When, by the monotonic clock, which is the loop's too; and what. Nothing: the library has closed."""


class AckDelayProxy:
    """An HTTP CONNECT proxy on loopback for the library of this process, and for nobody else (a secret user name)."""

    def __init__(self) -> None:
        self._clients: dict[str, ProxiedClient] = {}
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None

    def start(self) -> None:
        """Raises OSError when there is no port to listen on."""
        self._server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", 0))
        threading.Thread(target=self._loop.run_forever, name="ack-delay-proxy", daemon=True).start()

    def proxy_url(self, proxy: str | None, quiet: SecondsSinceCallback) -> str | None:
        """The proxy URL to give to the library for one account.

        `proxy` is where the relay connects through (None: the environment decides). What the relay cannot speak, such
        as SOCKS, the library is left to do by itself. `quiet`: seconds since the account's last callback.
        """
        spoken = proxy or getproxies().get("https") or "http:"
        if urlsplit(spoken).scheme != "http" or self._server is None:
            log.warning("acknowledgements are not held back: %s proxies are the library's own", urlsplit(spoken).scheme)
            return proxy
        secret = secrets.token_hex(16)
        self._clients[secret] = ProxiedClient(proxy, quiet)
        return f"http://{secret}:@127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _accept(self, library: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                target, secret = _parse_connect(await library.readuntil(b"\r\n\r\n"))
                line = self._clients.get(secret)
                if line is None:
                    raise PermissionError("407 Proxy Authentication Required")
                there = await _connect_upstream(target, line.proxy)
        except PermissionError as refusal:
            await _respond_error(answer, str(refusal))
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            log.info("no way to WhatsApp: %s", error)
            await _respond_error(answer, "502 Bad Gateway")
        else:
            answer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await _tunnel((library, answer), there, line)


async def _tunnel(library: _Streams, there: _Streams, line: ProxiedClient) -> None:
    records: asyncio.Queue[_TimedRecord] = asyncio.Queue(_MAX_QUEUED_RECORDS)
    works = (
        _copy_incoming(there[0], library[1], line),
        _read_outgoing(library[0], records),
        _write_outgoing(records, there[1], line),
    )
    pumps = [start_waited("ack-delay-proxy", work) for work in works]
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for pump in pumps:
            pump.cancel()
        for error in await asyncio.gather(*pumps, return_exceptions=True):
            if isinstance(error, Exception) and not isinstance(error, OSError):
                note_failure("ack-delay-proxy", error)
        for _, writer in (library, there):
            writer.close()


async def _read_outgoing(library: asyncio.StreamReader, records: asyncio.Queue[_TimedRecord]) -> None:
    """Ends only by being cancelled: what was taken before the library closed is still released."""
    buffer = bytearray()
    while piece := await library.read(_READ_BYTES):
        buffer += piece
        taken = time.monotonic()
        for record in take_tls_records(buffer):
            await records.put((taken, record))
    await records.put((time.monotonic(), b""))
    await asyncio.Event().wait()


async def _write_outgoing(
    records: asyncio.Queue[_TimedRecord], writer: asyncio.StreamWriter, line: ProxiedClient
) -> None:
    while True:
        taken, record = await records.get()
        if hold := line.delay_for(record, taken):
            await asyncio.sleep(taken + hold - time.monotonic())
            while taken + hold > line.idle_at and time.monotonic() < taken + MAX_ACK_DELAY_S:
                await _check_idle(line)
        if not record:
            return
        writer.write(record)
        await writer.drain()


async def _check_idle(line: ProxiedClient) -> None:
    """Note when the process is found idle; takes some milliseconds."""
    looked, pause = time.monotonic(), NO_CALLBACK_S - line.seconds_since_callback()
    if pause > 0:
        await asyncio.sleep(pause)
    elif process_is_busy():
        await asyncio.sleep(NO_CALLBACK_S)
    else:
        await asyncio.sleep(IDLE_CONFIRMATION_S)
        if not process_is_busy():
            line.idle_at = looked


async def _copy_incoming(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: ProxiedClient) -> None:
    while piece := await reader.read(_READ_BYTES):
        line.note_incoming(len(piece))
        writer.write(piece)
        await writer.drain()


def _parse_connect(head: bytes) -> tuple[str, str]:
    """`host:port` and the secret of a CONNECT. Raises ValueError."""
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    if method != "CONNECT":
        raise ValueError(f"not a CONNECT: {method}")
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    with suppress(binascii.Error, ValueError):
        kind, _, code = fields.get("proxy-authorization", "").partition(" ")
        if kind.lower() == "basic":
            return target, base64.b64decode(code).decode().partition(":")[0]
    return target, ""


async def _connect_upstream(target: str, proxy: str | None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to `host:port`, through the given proxy, else the environment's, else straight."""
    host, _, port = target.rpartition(":")
    if proxy is None and not proxy_bypass(host):
        proxy = getproxies().get("https")
    if proxy is None:
        return await asyncio.open_connection(host.strip("[]"), int(port))
    way = urlsplit(proxy)
    reader, writer = await asyncio.open_connection(way.hostname, way.port or 80, limit=_MAX_HEADER_BYTES)
    login = f"{unquote(way.username or '')}:{unquote(way.password or '')}".encode()
    authorization = f"Proxy-Authorization: Basic {base64.b64encode(login).decode()}\r\n" if way.username else ""
    writer.write(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization}\r\n".encode())
    said = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n", 1)[0].decode("latin-1")
    if said.split(" ", 2)[1:2] != ["200"]:
        writer.close()
        raise ConnectionError(f"the proxy answers {said!r}")
    return reader, writer


async def _respond_error(answer: asyncio.StreamWriter, status: str) -> None:
    with suppress(OSError):
        answer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        await answer.drain()
    answer.close()
