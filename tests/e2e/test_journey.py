"""The main job, end to end: link an account, receive, book, answer, survive a restart, be unlinked.

Real neonize, nats-server, mongod, Socket.IO client and REST caller; WhatsApp itself is the simulator.
"""

from typing import Any

import httpx
import pytest
from pymongo import AsyncMongoClient

from deploy.local.stack import Stack
from simulator import client as simulated
from simulator.client import SimulatorClient
from tests.e2e.front_end import FrontEnd, front_end

OWNER, CUSTOMER = "4915112345678", "4917612345678"
SERVICES = ("front", "realtime", "api", "session", "router")
pytestmark = pytest.mark.timeout(180)


async def documents(stack: Stack, collection: str, **wanted: Any) -> list[dict[str, Any]]:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(stack.ready["mongo"])
    async with client:
        return await client["switchboard"][collection].find(wanted).to_list()


async def post(api: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    response = await api.post(path, json=body)
    assert response.is_success, response.text
    answer = response.json()
    assert isinstance(answer, dict)
    return answer


async def link(api: httpx.AsyncClient, page: FrontEnd, simulator: SimulatorClient) -> str:
    """Create an instance, connect it by QR, let the phone scan; its id."""
    created = await post(api, "/api/whatsapp/instances", instance_name="Reception", network="simulator")
    instance_id: str = created["instance"]["id"]
    await post(api, f"/api/whatsapp/instances/{instance_id}/connect", method="qr")
    qr = await page.wait("whatsapp:qr", instanceId=instance_id)
    assert qr["dataUrl"].startswith("data:image/png;base64,")
    shown = (await api.get(f"/api/whatsapp/instances/{instance_id}/qr")).json()["data"]
    assert shown["qr"] == qr["qr"]
    await simulator.call(simulated.scan(OWNER, qr["qr"]))
    connected = await page.wait("whatsapp:connected", instanceId=instance_id)
    assert connected["phoneNumber"] == OWNER
    return instance_id


async def receive(stack: Stack, page: FrontEnd, simulator: SimulatorClient, instance_id: str) -> dict[str, Any]:
    """Two messages of one person: one contact, one booking; the first message as the socket told it."""
    await simulator.call(simulated.contact_writes(CUSTOMER, OWNER, "A table for two tonight?"))
    first = await page.wait("whatsapp:message", text="A table for two tonight?")
    assert (first["instanceId"], first["from"]) == (instance_id, CUSTOMER)
    assert first["contactId"]
    assert first["bookingId"]
    await page.wait("contact:created", id=first["contactId"])
    await page.wait("booking:created", id=first["bookingId"], contactId=first["contactId"])
    organization = {"organization_id": first["organizationId"]}
    (contact,) = await documents(stack, "contacts", **organization)
    (message,) = await documents(stack, "messages", **organization)
    (booking,) = await documents(stack, "bookings", **organization)
    assert (contact["_id"], contact["phone_number"], contact["name"]) == (first["contactId"], CUSTOMER, "Nina")
    assert (message["_id"], message["wa_id"]) == (first["id"], first["messageId"])
    assert (booking["_id"], booking["opened_by"]) == (first["bookingId"], first["id"])
    await simulator.call(simulated.contact_writes(CUSTOMER, OWNER, "At eight, please"))
    second = await page.wait("whatsapp:message", text="At eight, please")
    assert (second["contactId"], second["bookingId"]) == (first["contactId"], first["bookingId"])
    assert len(await documents(stack, "bookings", **organization)) == 1
    return first


async def note(stack: Stack, page: FrontEnd, simulator: SimulatorClient, organization_id: str) -> None:
    """A message of the owner to themselves is a note: no contact, no booking."""
    await simulator.call(simulated.owner_writes(OWNER, "Order flowers"))
    await page.wait("note:created", text="Order flowers")
    (kept,) = await documents(stack, "messages", organization_id=organization_id, kind="note")
    assert (kept["contact_id"], kept["booking_id"]) == (None, None)
    assert len(await documents(stack, "contacts", organization_id=organization_id)) == 1


async def answer(api: httpx.AsyncClient, page: FrontEnd, simulator: SimulatorClient, instance_id: str) -> None:
    """The answer is decrypted by the contact; delivered and read come back."""
    sent = await post(
        api, f"/api/whatsapp/instances/{instance_id}/send", to="+49 176 12345678", message="With pleasure."
    )
    assert sent["status"] in ("sent", "delivered", "read")
    inbox = await simulator.call(simulated.inbox(CUSTOMER))
    (got,) = inbox["messages"]
    assert (got["text"], got["from"]) == ("With pleasure.", OWNER)
    for kind in ("delivered", "read"):
        await simulator.call(simulated.receipts(CUSTOMER, OWNER, [got["id"]], kind))
        await page.wait("message_status", messageId=sent["messageId"], status=kind)
    told = (await api.get(f"/api/messages/{sent['messageId']}")).json()["data"]
    assert (told["status"], told["wa_id"]) == ("read", got["id"])


async def restart(stack: Stack, page: FrontEnd, simulator: SimulatorClient, instance_id: str) -> None:
    """All services stop and start; the account is online without a scan and receives."""
    for name in SERVICES:
        await stack.stop(name)
    before = len(page.events)
    for name in reversed(SERVICES):
        await stack.restart(name)
    await page.wait("connected-again", since=before)
    await simulator.call(simulated.contact_writes(CUSTOMER, OWNER, "Are you still there?"))
    await page.wait("whatsapp:message", since=before, text="Are you still there?")
    assert not [name for name, _ in page.events[before:] if name == "whatsapp:qr"]


async def test_link_receive_book_answer_restart_unlink(
    stack: Stack, api: httpx.AsyncClient, simulator: SimulatorClient
) -> None:
    await simulator.post("/phones", number=OWNER, name="Trattoria")
    await simulator.post("/contacts", number=CUSTOMER, name="Nina")
    token = api.headers["Authorization"].removeprefix("Bearer ")
    async with front_end(stack.ready["realtime"], token) as page:
        instance_id = await link(api, page, simulator)
        first = await receive(stack, page, simulator, instance_id)
        await note(stack, page, simulator, first["organizationId"])
        await answer(api, page, simulator, instance_id)
        await restart(stack, page, simulator, instance_id)
        status = (await api.get(f"/api/whatsapp/instances/{instance_id}/status")).json()
        assert (status["instance"]["status"], status["is_running"]) == ("connected", True)
        before = len(page.events)
        await simulator.post(f"/phones/{OWNER}/unlink")
        ended = await page.wait("whatsapp:disconnected", since=before, instanceId=instance_id)
        assert (ended["reason"], ended["willRetry"]) == ("logged_out", False)
        status = (await api.get(f"/api/whatsapp/instances/{instance_id}/status")).json()
        assert (status["instance"]["status"], status["is_running"]) == ("logged_out", False)
        assert "connect again" in status["instance"]["detail"]
