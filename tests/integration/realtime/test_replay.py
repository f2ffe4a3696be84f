"""A client that was away is told exactly what it missed."""

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
from tests.integration.realtime.conftest import browser, service, token, until
from tests.integration.realtime.raw_socket import RawSocket

CLIENTS, DISCONNECTS = 20, 50
"""Together 1,000 disconnects."""


def changed(organization_id: str, detail: str = "") -> ConnectionChanged:
    return ConnectionChanged(
        organization_id=organization_id, instance_id="one", status=ConnectionStatus.CONNECTED, detail=detail
    )


def details(heard: list[tuple[str, dict[str, Any]]]) -> list[str]:
    return [payload["detail"] for name, payload in heard if name == "whatsapp:status"]


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


class Reader:
    """A front end that remembers the sequence of the newest event it heard and resumes there, at any replica."""

    def __init__(self, replicas: list[str], chance: random.Random) -> None:
        self._replicas, self._chance = replicas, chance
        self._last = 0
        self.heard: list[tuple[str, dict[str, Any]]] = []

    async def live(self, http: aiohttp.ClientSession, organization_id: str) -> None:
        for _ in range(DISCONNECTS):
            socket = await self.connect(http, organization_id)
            await asyncio.sleep(self._chance.choice([0, 0.005, 0.05]) * self._chance.random())
            await socket.cut()
            self.note(socket)

    async def read_to_the_end(self, http: aiohttp.ClientSession, organization_id: str) -> None:
        """Until a replica confirms that everything was sent; a busy one may ask the client to try again before."""
        reply: dict[str, Any] = {"success": False}
        while not reply["success"]:
            socket = await self.connect(http, organization_id)
            reply = await asyncio.wait_for(socket.acks.get(), 20)
            await socket.cut()
            self.note(socket)
            assert reply["success"] or reply["retryable"]

    async def connect(self, http: aiohttp.ClientSession, organization_id: str) -> RawSocket:
        """Says in the handshake, in `join-organization` or in both where it was."""
        socket, how = RawSocket(http), self._chance.choice(["handshake", "join", "both"])
        since = {"since": self._last}
        auth = {"token": token(organization_id)} | (since if how != "join" else {})
        await socket.connect(self._chance.choice(self._replicas), auth)
        await socket.send(
            "join-organization", {"organizationId": organization_id} | (since if how != "handshake" else {})
        )
        return socket

    def note(self, socket: RawSocket) -> None:
        self.heard += socket.heard
        self._last = max([self._last, *(payload["sequence"] for _, payload in socket.heard)])


async def test_a_thousand_disconnects_make_no_gap_and_no_repeat(
    nats_url: str, http: aiohttp.ClientSession, publish: Publisher, seed: int
) -> None:
    chance, organization_id = random.Random(seed), new_id()
    told: list[str] = []
    often = {"join_grace": 10, "socket_caller_limit": 60_000}
    async with service(nats_url, **often) as one, service(nats_url, **often) as other:
        readers = [Reader([one, other], random.Random(chance.random())) for _ in range(CLIENTS)]
        lives = asyncio.gather(*(reader.live(http, organization_id) for reader in readers))
        while not lives.done():
            burst = [str(len(told) + number) for number in range(chance.choice([1, 2, 20]))]
            await asyncio.gather(*(publish(changed(organization_id, detail)) for detail in burst))
            told += burst
            await asyncio.sleep(0.02 * chance.random())
        await lives
        for reader in readers:
            await reader.read_to_the_end(http, organization_id)
            assert details(reader.heard) == told


async def test_what_was_missed_comes_in_order_before_the_answer(realtime: str, publish: Publisher) -> None:
    organization_id = new_id()
    async with browser(realtime, token(organization_id)) as before:
        since = (await before.ask("join-organization", organization_id))["sequence"]
    for number in range(450):
        await publish(changed(organization_id, str(number)))
    async with browser(realtime, token(organization_id)) as after:
        answer = await after.ask("join-organization", {"organizationId": organization_id, "since": since})
        assert details(after.heard) == [str(number) for number in range(450)]
        assert answer == {"success": True, "sequence": after.heard[-1][1]["sequence"]}
        again = await after.ask("join-organization", {"organizationId": organization_id, "since": since})
        assert again == answer
        assert len(details(after.heard)) == 450


async def test_a_resume_leaves_no_consumer(realtime: str, publish: Publisher, js: JetStreamContext) -> None:
    organization_id = new_id()
    await publish(changed(organization_id))
    names = {info.name for info in await js.consumers_info(EVENTS_STREAM)}
    async with browser(realtime, token(organization_id)) as client:
        for _ in range(5):
            await client.ask("join-organization", {"organizationId": organization_id, "since": 0})
    async with asyncio.timeout(10):
        while {info.name for info in await js.consumers_info(EVENTS_STREAM)} - names:
            await asyncio.sleep(0.05)


async def test_a_socket_that_heard_the_room_already_is_told_only_what_is_older(
    nats_url: str, publish: Publisher
) -> None:
    organization_id = new_id()
    await publish(changed(organization_id, "old"))
    async with service(nats_url, join_grace=0) as realtime, browser(realtime, token(organization_id)) as late:
        await publish(changed(organization_id, "live"))
        await until(lambda: details(late.heard) == ["live"])
        await late.ask("join-organization", {"organizationId": organization_id, "since": 0})
        await publish(changed(organization_id, "new"))
        await until(lambda: details(late.heard) == ["live", "old", "new"])


async def test_who_was_away_longer_than_the_stream_keeps_is_told_to_load_anew(
    realtime: str, publish: Publisher, js: JetStreamContext
) -> None:
    organization_id = new_id()
    await publish(changed(organization_id, "lost"))
    await js.purge_stream(EVENTS_STREAM, subject=organization_events_filter(organization_id), keep=0)
    async with browser(realtime, token(organization_id)) as client:
        newest = (await js.stream_info(EVENTS_STREAM)).state.last_seq
        wish = {"organizationId": organization_id, "since": newest + 1000}
        assert (await client.ask("join-organization", wish))["resync"] is True
        await publish(changed(organization_id, "live"))
        await until(lambda: details(client.heard) == ["live"])
