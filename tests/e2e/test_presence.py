"""Typing, presence and read receipts, from a simulated contact to a socket and back, through every service."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from deploy.local.stack import Stack
from simulator import client as simulated
from simulator.client import SimulatorClient
from tests.e2e.front_end import EVENT_TIMEOUT_S, FrontEnd, front_end
from tests.e2e.test_socket_dialects import token_of

OWNER, CUSTOMER = "442071838753", "442079460020"
pytestmark = pytest.mark.timeout(120)


@pytest.fixture
async def conversation_started(
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


async def signals(simulator: SimulatorClient, kind: str, count: int) -> list[dict[str, Any]]:
    """`count` signals that reached the contact, once there are so many: `typing`, or read `receipts`."""
    async with asyncio.timeout(EVENT_TIMEOUT_S):
        while True:
            items: list[dict[str, Any]] = (await simulator.get(f"/contacts/{CUSTOMER}/seen"))[kind]
            items = [item for item in items if item.get("kind") in (None, "read")]
            if len(items) >= count:
                return items
            await asyncio.sleep(0.05)


async def test_a_contact_and_a_person_at_a_socket_see_each_other(
    conversation_started: tuple[FrontEnd, dict[str, Any]], simulator: SimulatorClient
) -> None:
    front, message = conversation_started
    conversation = {"conversationId": message["conversationId"]}
    assert await front.ask("presence_subscribe", conversation) == {"success": True}
    presence = await front.wait("presence", **conversation)
    assert (presence["available"], presence["contactId"]) == (True, message["contactId"])

    await simulator.call(simulated.typing(CUSTOMER, OWNER, "composing"))
    typing = await front.wait("typing", **conversation)
    assert (typing["isTyping"], typing["contactId"]) == (True, message["contactId"])
    await simulator.call(simulated.typing(CUSTOMER, OWNER, "paused"))
    await front.wait("typing", state="paused", isTyping=False, **conversation)

    assert await front.ask("typing", conversation) == {"success": True}
    assert await front.ask("stop_typing", conversation) == {"success": True}
    assert [state["state"] for state in await signals(simulator, "typing", 2)] == ["composing", "paused"]

    assert [receipt["ids"] for receipt in await signals(simulator, "receipts", 0)] == []
    answer = await front.ask("mark_read", conversation)
    assert answer == {"success": True, "data": [{**conversation, "unreadCount": 0}]}
    (receipt,) = await signals(simulator, "receipts", 1)
    assert receipt["ids"] == [message["waId"]]
    await front.wait("conversation:updated", id=message["conversationId"], unreadCount=0)

    await simulator.call(simulated.contact_writes(CUSTOMER, OWNER, "Hello?"))
    again = await front.wait("new_message", content="Hello?")
    position = len(front.events)
    await simulator.call(simulated.owner_reads(OWNER, CUSTOMER, [again["waId"]]))
    await front.wait("conversation:updated", since=position, id=message["conversationId"], unreadCount=0)

    position = len(front.events)
    await simulator.post(f"/phones/{OWNER}/devices/drop")
    await front.wait("presence", since=position, **conversation)
