"""A client that reconnects receives exactly what it missed."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from nats.js import JetStreamContext

from shared.contracts.events import ConnectionChanged
from shared.contracts.ids import new_id
from shared.contracts.records import ConnectionStatus
from shared.contracts.registry import EVENTS_STREAM, organization_events_filter
from shared.messaging.publisher import Publisher
from tests.integration.realtime.conftest import browser, service, token
from tests.integration.realtime.raw_socket import RawSocket
from tests.waiting import until

CLIENTS, DISCONNECTS = 20, 50
"""Together 1,000 disconnects."""


def changed(organization_id: str, detail: str = "") -> ConnectionChanged:
    return ConnectionChanged(
        organization_id=organization_id, instance_id="one", status=ConnectionStatus.CONNECTED, detail=detail
    )


def details(received: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [payload["detail"] for name, payload in received if name == "whatsapp:status"]


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


class Reader:
    """A front end that remembers the sequence of the newest event it received and resumes there, at any replica."""

    def __init__(self, replicas: list[str], random_choices: random.Random) -> None:
        self._replicas, self._random = replicas, random_choices
        self._last = 0
        self.received: list[tuple[str, dict[str, Any]]] = []

    async def connect_repeatedly(self, http: aiohttp.ClientSession, organization_id: str) -> None:
        for _ in range(DISCONNECTS):
            socket = await self.connect(http, organization_id)
            await asyncio.sleep(self._random.choice([0, 0.005, 0.05]) * self._random.random())
            await socket.cut()
            self.add_received(socket)

    async def read_to_the_end(self, http: aiohttp.ClientSession, organization_id: str) -> None:
        """Until a replica confirms that everything was sent; a busy one may ask the client to try again before."""
        reply: dict[str, Any] = {"success": False}
        while not reply["success"]:
            socket = await self.connect(http, organization_id)
            reply = await asyncio.wait_for(socket.acks.get(), 20)
            await socket.cut()
            self.add_received(socket)
            assert reply["success"] or reply["retryable"]

    async def connect(self, http: aiohttp.ClientSession, organization_id: str) -> RawSocket:
        """Names its last event in the handshake, in `join-organization` or in both."""
        socket, where = RawSocket(http), self._random.choice(["handshake", "join", "both"])
        since = {"since": self._last}
        auth = {"token": token(organization_id)} | (since if where != "join" else {})
        await socket.connect(self._random.choice(self._replicas), auth)
        await socket.send(
            "join-organization", {"organizationId": organization_id} | (since if where != "handshake" else {})
        )
        return socket

    def add_received(self, socket: RawSocket) -> None:
        self.received += socket.received
        self._last = max([self._last, *(payload["sequence"] for _, payload in socket.received)])


async def test_a_thousand_disconnects_make_no_gap_and_no_repeat(
    nats_url: str, http: aiohttp.ClientSession, publish: Publisher, seed: int
) -> None:
    random_choices, organization_id = random.Random(seed), new_id()
    published: list[str] = []
    limits = {"join_grace": 10, "socket_caller_limit": 60_000}
    async with service(nats_url, **limits) as one, service(nats_url, **limits) as other:
        readers = [Reader([one, other], random.Random(random_choices.random())) for _ in range(CLIENTS)]
        connecting = asyncio.gather(*(reader.connect_repeatedly(http, organization_id) for reader in readers))
        while not connecting.done():
            burst = [str(len(published) + number) for number in range(random_choices.choice([1, 2, 20]))]
            await asyncio.gather(*(publish(changed(organization_id, detail)) for detail in burst))
            published += burst
            await asyncio.sleep(0.02 * random_choices.random())
        await connecting
        for reader in readers:
            await reader.read_to_the_end(http, organization_id)
            assert details(reader.received) == published


async def test_missed_events_come_in_order_before_the_answer(realtime: str, publish: Publisher) -> None:
    organization_id = new_id()
    async with browser(realtime, token(organization_id)) as before:
        since = (await before.call("join-organization", organization_id))["sequence"]
    for number in range(450):
        await publish(changed(organization_id, str(number)))
    async with browser(realtime, token(organization_id)) as after:
        answer = await after.call("join-organization", {"organizationId": organization_id, "since": since})
        assert details(after.received) == [str(number) for number in range(450)]
        assert answer == {"success": True, "sequence": after.received[-1][1]["sequence"]}
        again = await after.call("join-organization", {"organizationId": organization_id, "since": since})
        assert again == answer
        assert len(details(after.received)) == 450


async def test_a_resume_leaves_no_consumer(realtime: str, publish: Publisher, js: JetStreamContext) -> None:
    organization_id = new_id()
    await publish(changed(organization_id))
    names = {info.name for info in await js.consumers_info(EVENTS_STREAM)}
    async with browser(realtime, token(organization_id)) as client:
        for _ in range(5):
            await client.call("join-organization", {"organizationId": organization_id, "since": 0})
    async with asyncio.timeout(10):
        while {info.name for info in await js.consumers_info(EVENTS_STREAM)} - names:
            await asyncio.sleep(0.05)


async def test_a_live_socket_that_resumes_receives_only_older_events(nats_url: str, publish: Publisher) -> None:
    organization_id = new_id()
    await publish(changed(organization_id, "old"))
    async with service(nats_url, join_grace=0) as realtime, browser(realtime, token(organization_id)) as late:
        await publish(changed(organization_id, "live"))
        await until(lambda: details(late.received) == ["live"])
        await late.call("join-organization", {"organizationId": organization_id, "since": 0})
        await publish(changed(organization_id, "new"))
        await until(lambda: details(late.received) == ["live", "old", "new"])


async def test_a_client_that_missed_more_than_the_stream_has_is_sent_resync(
    realtime: str, publish: Publisher, js: JetStreamContext
) -> None:
    organization_id = new_id()
    await publish(changed(organization_id, "lost"))
    await js.purge_stream(EVENTS_STREAM, subject=organization_events_filter(organization_id), keep=0)
    async with browser(realtime, token(organization_id)) as client:
        newest = (await js.stream_info(EVENTS_STREAM)).state.last_seq
        data = {"organizationId": organization_id, "since": newest + 1000}
        assert (await client.call("join-organization", data))["resync"] is True
        await publish(changed(organization_id, "live"))
        await until(lambda: details(client.received) == ["live"])
