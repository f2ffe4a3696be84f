"""The chat front end and the session rooms over the socket, against the simulated WhatsApp."""

import asyncio

import httpx
import pytest

from deploy.local.stack import Stack
from simulator import client as simulated
from simulator.client import SimulatorClient
from tests.e2e.front_end import FrontEnd, front_end

CHAT, NAMED, CUSTOMER = "442071838751", "442071838752", "442079460019"
pytestmark = pytest.mark.timeout(120)


def token_of(api: httpx.AsyncClient) -> str:
    return api.headers["Authorization"].removeprefix("Bearer ")


async def chat(front: FrontEnd, simulator: SimulatorClient) -> None:
    """What the migration guide shows, from the QR code to the conversation."""
    code = (await front.ask("get_qr_code", {"network": "simulator"}))["data"]
    assert code["qrCode"].startswith("data:image/png;base64,")
    assert (await front.wait("qr_code_response"))["data"] == code
    await simulator.call(simulated.scan(CHAT, code["qr"]))
    await front.wait("whatsapp:ready", instanceId=code["instanceId"])
    status = (await front.ask("get_connection_status", {}))["data"]
    assert (status["isConnected"], status["instanceId"]) == (True, code["instanceId"])
    await simulator.call(simulated.contact_writes(CUSTOMER, CHAT, "Are you open?"))
    said = await front.wait("new_message", content="Are you open?")
    (contact,) = (await front.ask("get_contacts", {}))["data"]
    assert (contact["phoneNumber"], contact["id"]) == (CUSTOMER, said["contactId"])
    (found,) = (await front.ask("get_messages_between", {"fromNumber": f"+{CHAT}", "toNumber": CUSTOMER}))["data"]
    assert (found["id"], found["content"], found["isOutgoing"]) == (said["id"], "Are you open?", False)
    conversation = {"conversationId": said["conversationId"]}
    assert await front.ask("join_conversation", conversation) == {"success": True}
    sent = await front.ask("send_message", {**conversation, "to": CUSTOMER, "message": "Until eight."})
    assert (await front.wait("message_sent_success"))["messageId"] == sent["messageId"]


async def test_the_chat_front_end_over_the_socket(
    stack: Stack, api: httpx.AsyncClient, simulator: SimulatorClient
) -> None:
    await simulator.post("/phones", number=CHAT, name="Bakery")
    await simulator.post("/contacts", number=CUSTOMER, name="Zoe")
    async with front_end(stack.ready["realtime"], token_of(api)) as front:
        await chat(front, simulator)


async def test_a_session_room_from_the_code_to_the_end(
    stack: Stack, api: httpx.AsyncClient, simulator: SimulatorClient
) -> None:
    await simulator.post("/phones", number=NAMED, name="Salon")
    async with front_end(stack.ready["realtime"], token_of(api)) as front:
        assert await front.ask("join-session", "my-session") == {"success": True}
        (await api.post("/api/sessions/my-session/initialize-with-qr?network=simulator")).raise_for_status()
        shown = await front.wait("qr-code", sessionName="my-session")
        gone = asyncio.Event()
        front.client.on("disconnect", gone.set)
        await simulator.call(simulated.scan(NAMED, shown["urlCode"]))
        await front.wait("session-complete", sessionName="my-session")
        await gone.wait()
        statuses = [payload["status"] for name, payload in front.events if name == "status-update"]
        assert list(dict.fromkeys(statuses)) == ["notLogged", "qrReadSuccess", "authenticated", "ready", "inChat"]
