"""The worker sends an acknowledgement only when the journal has the message."""

import asyncio
import base64
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

from services.session.ipc.messages import ConnectionUpdate, JournaledEvent
from services.session.worker.library.ack_delay_proxy import AckDelayProxy
from simulator.people import content
from simulator.people.phone import SimulatedPhone
from simulator.server.delivery import StanzaQueues, queue_key
from simulator.world import World
from tests.integration.session.worker.driver import INSTANCE, ZygoteDriver

ROUNDS = 8
MESSAGE = b"m" * 200


async def test_a_worker_killed_by_its_own_acknowledgement_loses_nothing(
    world: World, phone: SimulatedPhone, zygote: ZygoteDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker is killed at the moment when WhatsApp gets the acknowledgement of a message."""
    worker, killed_at, acknowledged = await zygote.fork(), dict[str, int](), asyncio.Event()
    await worker.link(phone)
    contact = world.add_contact("4917612345678", "Bob")
    acknowledge = StanzaQueues.acknowledge

    def kill_first(self: StanzaQueues, companion: Any, key: str) -> None:
        if pid := killed_at.pop(key, 0):
            os.kill(pid, signal.SIGKILL)
            acknowledged.set()
        acknowledge(self, companion, key)

    monkeypatch.setattr(StanzaQueues, "acknowledge", kill_first)
    for number in range(ROUNDS):
        acknowledged.clear()
        message_id = world.network.names.message_id()
        killed_at[queue_key("message", message_id)] = worker.pid
        contact.write(phone.account, content.text(f"message {number}"), message_id)
        await asyncio.wait_for(acknowledged.wait(), 20)
        await worker.wait_closed()
        worker = await zygote.fork()
        worker.start(linked=True)
        await worker.wait(ConnectionUpdate, instance_id=INSTANCE, event="connected")
        async with asyncio.timeout(20):
            while not any(f"message {number}" in entry.body for entry in worker.received_entries()):
                await asyncio.sleep(0.02)
        bodies = {entry.sequence: entry.body for entry in worker.frames if isinstance(entry, JournaledEvent)}
        assert sum(f"message {number}" in body for body in bodies.values()) == 1


@asynccontextmanager
async def listening(handle: Callable[..., Awaitable[None]]) -> AsyncIterator[int]:
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def connect(url: str, target: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, bytes]:
    """Connect through the proxy, as the library does: reader, writer and the response."""
    proxy_url = urlsplit(url)
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy_url.port)
    login = base64.b64encode(f"{proxy_url.username}:".encode()).decode()
    writer.write(f"CONNECT {target} HTTP/1.1\r\nProxy-Authorization: Basic {login}\r\n\r\n".encode())
    return reader, writer, await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1000):
        writer.write(data)
    writer.close()


async def message_and_echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send something as long as a message, then echo."""
    writer.write(MESSAGE)
    await echo(reader, writer)


@pytest.fixture
def proxy_under_test(monkeypatch: pytest.MonkeyPatch) -> AckDelayProxy:
    for name in ("https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return AckDelayProxy()


async def started(
    proxy_under_test: AckDelayProxy, proxy: str | None, seconds_since_callback: Callable[[], float]
) -> str:
    await asyncio.to_thread(proxy_under_test.start)
    url = proxy_under_test.proxy_url(proxy, seconds_since_callback)
    assert url
    return url


async def test_a_short_record_is_delayed_until_callbacks_have_ended(proxy_under_test: AckDelayProxy) -> None:
    seconds = [0.0]
    url = await started(proxy_under_test, None, lambda: seconds[0])
    async with listening(message_and_echo) as port:
        reader, writer, answer = await connect(url, f"127.0.0.1:{port}")
        assert answer.startswith(b"HTTP/1.1 200")
        await reader.readexactly(len(MESSAGE))
        writer.write(b"acknowledged")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(100), 0.1)
        seconds[0] = 1.0
        assert await asyncio.wait_for(reader.read(100), 20) == b"acknowledged"
        writer.close()


async def test_records_that_are_no_acknowledgements_are_not_delayed(proxy_under_test: AckDelayProxy) -> None:
    url = await started(proxy_under_test, None, lambda: 0.0)
    long = b"\x17\x03\x03" + len(MESSAGE * 2).to_bytes(2, "big") + MESSAGE * 2
    async with listening(echo) as port:
        reader, writer, _ = await connect(url, f"127.0.0.1:{port}")
        for data in (b"a request before any message", long):
            writer.write(data)
            assert await asyncio.wait_for(reader.readexactly(len(data)), 20) == data
        writer.close()


async def test_callbacks_that_never_end_do_not_block_the_connection(proxy_under_test: AckDelayProxy) -> None:
    url = await started(proxy_under_test, None, lambda: 0.0)
    async with listening(message_and_echo) as port:
        reader, writer, _ = await connect(url, f"127.0.0.1:{port}")
        await reader.readexactly(len(MESSAGE))
        for data in (b"one", b"two"):
            writer.write(data)
            assert await asyncio.wait_for(reader.read(100), 20) == data
        writer.close()


async def test_a_stranger_on_this_machine_is_refused(proxy_under_test: AckDelayProxy) -> None:
    url = await started(proxy_under_test, None, lambda: 1.0)
    stranger = url.replace(str(urlsplit(url).username), "guess")
    async with listening(echo) as port:
        assert (await connect(stranger, f"127.0.0.1:{port}"))[2].startswith(b"HTTP/1.1 407")


async def test_an_unreachable_network_is_a_bad_gateway(proxy_under_test: AckDelayProxy) -> None:
    url = await started(proxy_under_test, None, lambda: 1.0)
    assert (await connect(url, "127.0.0.1:1"))[2].startswith(b"HTTP/1.1 502")


@pytest.mark.parametrize("by_environment", [True, False])
async def test_the_proxy_of_the_network_is_used_with_its_login(
    proxy_under_test: AckDelayProxy, monkeypatch: pytest.MonkeyPatch, by_environment: bool
) -> None:
    heads: list[str] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await echo(reader, writer)

    async with listening(proxy) as port:
        proxy_url = f"http://user:p%40ss@127.0.0.1:{port}"
        if by_environment:
            monkeypatch.setenv("https_proxy", proxy_url)
        url = await started(proxy_under_test, None if by_environment else proxy_url, lambda: 1.0)
        reader, writer, answer = await connect(url, "web.whatsapp.com:443")
        assert answer.startswith(b"HTTP/1.1 200")
        writer.write(b"hello")
        assert await asyncio.wait_for(reader.read(100), 20) == b"hello"
        writer.close()
    assert heads[0].startswith("CONNECT web.whatsapp.com:443 HTTP/1.1\r\n")
    assert base64.b64encode(b"user:p@ss").decode() in heads[0]


async def test_a_host_exempted_by_the_environment_is_connected_directly(
    proxy_under_test: AckDelayProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    url = await started(proxy_under_test, None, lambda: 1.0)
    async with listening(echo) as port:
        assert (await connect(url, f"127.0.0.1:{port}"))[2].startswith(b"HTTP/1.1 200")


async def test_a_proxy_of_another_protocol_is_left_to_the_library(
    proxy_under_test: AckDelayProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "socks5://127.0.0.1:1080")
    await asyncio.to_thread(proxy_under_test.start)
    assert proxy_under_test.proxy_url(None, lambda: 1.0) is None
