"""Typing, presence and read ticks, from a simulated contact to a socket and back, through every service."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from deploy.local.stack import Stack
from simulator import client as simulated
from simulator.client import SimulatorClient
from tests.e2e.front_end import WAIT_TIMEOUT_S, FrontEnd, front_end
from tests.e2e.test_socket_dialects import token_of

OWNER, CUSTOMER = "442071838753", "442079460020"
pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def talk(
    stack: Stack, api: httpx.AsyncClient, simulator: SimulatorClient
) -> AsyncIterator[tuple[FrontEnd, dict[str, Any]]]:
    """A socket, and the first message of a contact."""
    await simulator.post("/phones", number=OWNER, name="Bakery")
    await simulator.post("/contacts", number=CUSTOMER, name="Zoe")
    async with front_end(stack.ready["realtime"], token_of(api)) as front:
        code = (await front.ask("get_qr_code", {"network": "simulator"}))["data"]
        await simulator.call(simulated.scan(OWNER, code["qr"]))
        await front.wait("whatsapp:ready", instanceId=code["instanceId"])
        await simulator.call(simulated.contact_writes(CUSTOMER, OWNER, "Are you open?"))
        yield front, await front.wait("new_message", content="Are you open?")


async def seen(simulator: SimulatorClient, kind: str, count: int) -> list[dict[str, Any]]:
    """What reached the contact, as soon as it is so much: `typing`, or `receipts` by which something was read."""
    async with asyncio.timeout(WAIT_TIMEOUT_S):
        while True:
            found: list[dict[str, Any]] = (await simulator.get(f"/contacts/{CUSTOMER}/seen"))[kind]
            found = [item for item in found if item.get("kind") in (None, "read")]
            if len(found) >= count:
                return found
            await asyncio.sleep(0.05)


async def test_a_contact_and_a_person_at_a_socket_see_each_other(
    talk: tuple[FrontEnd, dict[str, Any]], simulator: SimulatorClient
) -> None:
    front, said = talk
    conversation = {"conversationId": said["conversationId"]}
    assert await front.ask("presence_subscribe", conversation) == {"success": True}
    presence = await front.wait("presence", **conversation)
    assert (presence["available"], presence["contactId"]) == (True, said["contactId"])

    await simulator.call(simulated.typing(CUSTOMER, OWNER, "composing"))
    typing = await front.wait("typing", **conversation)
    assert (typing["isTyping"], typing["contactId"]) == (True, said["contactId"])
    await simulator.call(simulated.typing(CUSTOMER, OWNER, "paused"))
    await front.wait("typing", state="paused", isTyping=False, **conversation)

    assert await front.ask("typing", conversation) == {"success": True}
    assert await front.ask("stop_typing", conversation) == {"success": True}
    assert [state["state"] for state in await seen(simulator, "typing", 2)] == ["composing", "paused"]

    assert [tick["ids"] for tick in await seen(simulator, "receipts", 0)] == []
    answer = await front.ask("mark_read", conversation)
    assert answer == {"success": True, "data": [{**conversation, "unreadCount": 0}]}
    (tick,) = await seen(simulator, "receipts", 1)
    assert tick["ids"] == [said["waId"]]
    await front.wait("conversation:updated", id=said["conversationId"], unreadCount=0)

    await simulator.call(simulated.contact_writes(CUSTOMER, OWNER, "Hello?"))
    again = await front.wait("new_message", content="Hello?")
    told = len(front.heard)
    await simulator.call(simulated.owner_reads(OWNER, CUSTOMER, [again["waId"]]))
    await front.wait("conversation:updated", since=told, id=said["conversationId"], unreadCount=0)

    told = len(front.heard)
    await simulator.post(f"/phones/{OWNER}/devices/drop")
    await front.wait("presence", since=told, **conversation)
