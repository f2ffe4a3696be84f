"""Delays the library's acknowledgements to WhatsApp until the journal has the messages that they acknowledge.

The library acknowledges a message before our callback has it: killed at that moment, the process would lose the only
copy. So the library connects through this proxy. It forwards incoming bytes at once, and a possible acknowledgement
only after a delay (ack_delay_policy.py), which is longer while callbacks run. A worker that is killed loses the
acknowledgements too, and WhatsApp delivers the messages again. The proxy sees only encrypted TLS records.
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
    MAX_ACK_DELAY_S,
    ProxiedClient,
    SecondsSinceCallback,
    take_tls_records,
)
from services.session.worker.library.idle_watch import IdleWatch
from services.session.worker.library.library_threads import LibraryThreads
from shared.platform.background import log_failure, start_awaited

_CONNECT_TIMEOUT_S = 20.0
_MAX_HEADER_BYTES = 16_384
_READ_BYTES = 65_536
_MAX_QUEUED_RECORDS = 256

log = logging.getLogger(__name__)

_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_TimedRecord = tuple[float, bytes]
"""When the record was read (monotonic clock, like the loop's), and its bytes; no bytes: the library has closed."""


class AckDelayProxy:
    """An HTTP CONNECT proxy on loopback. A secret user name keeps out everybody but the library of this process."""

    def __init__(self) -> None:
        self._clients: dict[str, ProxiedClient] = {}
        self._idle_watch = IdleWatch(LibraryThreads())
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None

    def start(self) -> None:
        """Raises OSError when there is no port to listen on."""
        self._server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", 0))
        threading.Thread(target=self._loop.run_forever, name="ack-delay-proxy", daemon=True).start()

    def proxy_url(self, upstream_proxy: str | None, seconds_since_callback: SecondsSinceCallback) -> str | None:
        """The proxy URL to configure in the library for one account.

        `upstream_proxy`: the proxy that this one connects through; None: that of the environment, if any. When that
        proxy speaks another protocol than HTTP, such as SOCKS, the library uses it directly and nothing is delayed.
        """
        scheme = urlsplit(upstream_proxy or getproxies().get("https") or "http:").scheme
        if scheme != "http" or self._server is None:
            log.warning("acknowledgements are not delayed: the library uses the %s proxy itself", scheme)
            return upstream_proxy
        secret = secrets.token_hex(16)
        self._clients[secret] = ProxiedClient(upstream_proxy, seconds_since_callback)
        return f"http://{secret}:@127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                target, secret = _parse_connect(await reader.readuntil(b"\r\n\r\n"))
                client = self._clients.get(secret)
                if client is None:
                    raise PermissionError("407 Proxy Authentication Required")
                upstream = await _connect_upstream(target, client.upstream_proxy)
        except PermissionError as refusal:
            await _respond_error(writer, str(refusal))
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            log.info("cannot connect to WhatsApp: %s", error)
            await _respond_error(writer, "502 Bad Gateway")
        else:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await _tunnel((reader, writer), upstream, client, self._idle_watch)


async def _tunnel(library: _Streams, upstream: _Streams, client: ProxiedClient, idle_watch: IdleWatch) -> None:
    """Forward in both directions until one side closes."""
    records: asyncio.Queue[_TimedRecord] = asyncio.Queue(_MAX_QUEUED_RECORDS)
    works = (
        _copy_incoming(upstream[0], library[1], client),
        _read_outgoing(library[0], records),
        _write_outgoing(records, upstream[1], client, idle_watch),
    )
    tasks = [start_awaited("ack-delay-proxy", work) for work in works]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        for error in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(error, Exception) and not isinstance(error, OSError):
                log_failure("ack-delay-proxy", error)
        for _, writer in (library, upstream):
            writer.close()


async def _copy_incoming(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, client: ProxiedClient) -> None:
    while data := await reader.read(_READ_BYTES):
        client.note_incoming(data)
        writer.write(data)
        await writer.drain()


async def _read_outgoing(library: asyncio.StreamReader, records: asyncio.Queue[_TimedRecord]) -> None:
    """Ends only by being cancelled, so that the records read before the library closed are still written."""
    buffer = bytearray()
    while data := await library.read(_READ_BYTES):
        buffer += data
        read_at = time.monotonic()
        for record in take_tls_records(buffer):
            await records.put((read_at, record))
    await records.put((time.monotonic(), b""))
    await asyncio.Event().wait()


async def _write_outgoing(
    records: asyncio.Queue[_TimedRecord], writer: asyncio.StreamWriter, client: ProxiedClient, idle_watch: IdleWatch
) -> None:
    idle_since = float("-inf")
    while True:
        read_at, record = await records.get()
        if (delay_s := client.delay_for(record, read_at)) and read_at + delay_s > idle_since:
            await asyncio.sleep(read_at + delay_s - time.monotonic())
            timeout_s = read_at + MAX_ACK_DELAY_S - time.monotonic()
            idle_since = await idle_watch.wait(client.seconds_since_callback, read_at + delay_s, timeout_s)
        if not record:
            return
        writer.write(record)
        await writer.drain()


def _parse_connect(head: bytes) -> tuple[str, str]:
    """`host:port` and the secret of a CONNECT request. Raises ValueError."""
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    if method != "CONNECT":
        raise ValueError(f"the request is a {method}, not a CONNECT")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    with suppress(binascii.Error, ValueError):
        scheme, _, credentials = headers.get("proxy-authorization", "").partition(" ")
        if scheme.lower() == "basic":
            return target, base64.b64decode(credentials).decode().partition(":")[0]
    return target, ""


async def _connect_upstream(target: str, proxy: str | None) -> _Streams:
    """Connect to `host:port` through the given proxy, else through the environment's, else directly."""
    host, _, port = target.rpartition(":")
    if proxy is None and not proxy_bypass(host):
        proxy = getproxies().get("https")
    if proxy is None:
        return await asyncio.open_connection(host.strip("[]"), int(port))
    url = urlsplit(proxy)
    reader, writer = await asyncio.open_connection(url.hostname, url.port or 80, limit=_MAX_HEADER_BYTES)
    login = f"{unquote(url.username or '')}:{unquote(url.password or '')}".encode()
    authorization = f"Proxy-Authorization: Basic {base64.b64encode(login).decode()}\r\n" if url.username else ""
    writer.write(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{authorization}\r\n".encode())
    status_line = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n", 1)[0].decode("latin-1")
    if status_line.split(" ", 2)[1:2] != ["200"]:
        writer.close()
        raise ConnectionError(f"the proxy answers {status_line!r}")
    return reader, writer


async def _respond_error(writer: asyncio.StreamWriter, status: str) -> None:
    with suppress(OSError):
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
    writer.close()
