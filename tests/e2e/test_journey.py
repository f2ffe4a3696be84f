"""The main job on the launcher's own topology: real neonize, nats-server, mongod, Socket.IO client."""

import asyncio
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from deploy.local.stack import Stack
from simulator.client import SimulatorClient, contact_writes, inbox, owner_writes, scan
from tests.front_end import FrontEnd, Payload, front_end

INSTANCES = "/api/whatsapp/instances"
SERVICES = ("session", "router", "api", "realtime")
Database = AsyncDatabase[dict[str, Any]]


class Journey:
    """One instance and the people around it."""

    def __init__(self, front: FrontEnd, simulator: SimulatorClient, database: Database) -> None:
        self.front, self.simulator, self.database = front, simulator, database
        self.instance_id = self.phone = self.contact = ""

    async def link(self) -> None:
        """Create the instance, connect by QR, scan."""
        self.phone = (await self.simulator.post("/phones"))["number"]
        self.contact = (await self.simulator.post("/contacts"))["number"]
        created = await self.front.post(INSTANCES, instance_name="front desk", network="simulator")
        self.instance_id = created["instance"]["id"]
        answer = await self.front.post(f"{INSTANCES}/{self.instance_id}/connect", method="qr")
        assert (answer["success"], answer["method"]) == (True, "qr")
        code = await self.front.until("whatsapp:qr", self.mine)
        assert code["dataUrl"].startswith("data:image/png;base64,")
        await self.simulator.call(scan(self.phone, code["qr"]))
        online = await self.front.until("whatsapp:connected", self.mine)
        assert online["phoneNumber"] == self.phone

    async def receive(self, text: str) -> Payload:
        """The contact writes; what the socket told."""
        await self.simulator.call(contact_writes(self.contact, self.phone, text))
        return await self.front.until("whatsapp:message", lambda told: told["text"] == text)

    async def counts(self, **further: Any) -> dict[str, int]:
        """Documents of this instance's contact in MongoDB, by collection."""
        filters: dict[str, dict[str, Any]] = {
            "contacts": {"aliases": f"phone:{self.contact}"},
            "messages": {"instance_id": self.instance_id, "kind": "message", **further},
            "bookings": {"instance_id": self.instance_id},
        }
        return {name: await self.database[name].count_documents(fits) for name, fits in filters.items()}

    async def status(self) -> str:
        answer = await self.front.get(f"{INSTANCES}/{self.instance_id}/status")
        return str(answer["instance"]["status"])

    def mine(self, told: Payload) -> bool:
        return bool(told["instanceId"] == self.instance_id)


async def _receives_and_books(journey: Journey) -> None:
    first = await journey.receive("A table for two on Friday?")
    assert first["from"] == journey.contact
    assert first["contactId"]
    assert first["bookingId"]
    assert await journey.counts() == {"contacts": 1, "messages": 1, "bookings": 1}
    second = await journey.receive("At eight, please.")
    assert (second["contactId"], second["bookingId"]) == (first["contactId"], first["bookingId"])
    assert await journey.counts() == {"contacts": 1, "messages": 2, "bookings": 1}


async def _keeps_the_owners_note(journey: Journey) -> None:
    await journey.simulator.call(owner_writes(journey.phone, "Order more flour"))
    note = await journey.front.until("note:created", lambda told: told["text"] == "Order more flour")
    kept = await journey.database["messages"].find_one({"_id": note["id"]})
    assert kept is not None
    assert (kept["kind"], kept["contact_id"]) == ("note", None)
    assert (await journey.counts())["bookings"] == 1


async def _answers(journey: Journey) -> None:
    number = journey.contact
    await journey.simulator.post(f"/contacts/{number}/typing", to=journey.phone, state="composing")
    sent = await journey.front.post(f"{INSTANCES}/{journey.instance_id}/send", to=number, message="Eight it is.")
    assert sent["success"]
    got = (await journey.simulator.call(inbox(number)))["messages"]
    assert [message["text"] for message in got] == ["Eight it is."]
    for status in ("delivered", "read"):
        await journey.front.until(
            "message_status", lambda told, want=status: (told["messageId"], told["status"]) == (sent["messageId"], want)
        )


async def _survives_a_restart(journey: Journey, stack: Stack) -> None:
    codes = len(journey.front.told("whatsapp:qr"))
    for name in SERVICES:
        await stack.stop(name)
    await asyncio.gather(*(stack.restart(name) for name in SERVICES))
    async with asyncio.timeout(40):
        while await journey.status() != "connected":
            await asyncio.sleep(0.1)
        while not journey.front.socket.connected:
            await asyncio.sleep(0.1)
    told = await journey.receive("Still there?")
    assert told["contactId"]
    assert len(journey.front.told("whatsapp:qr")) == codes


async def _is_unlinked(journey: Journey) -> None:
    await journey.simulator.post(f"/phones/{journey.phone}/unlink")
    await journey.front.until("whatsapp:status", lambda told: told["status"] == "logged_out")
    assert await journey.status() == "logged_out"


@pytest.mark.timeout(180)
async def test_an_account_is_linked_receives_books_answers_survives_and_is_unlinked(
    stack: Stack, simulator: SimulatorClient
) -> None:
    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(stack.ready["mongo"])
    async with client, front_end(stack.ready) as front:
        journey = Journey(front, simulator, client["switchboard"])
        await journey.link()
        await _receives_and_books(journey)
        await _keeps_the_owners_note(journey)
        await _answers(journey)
        await _survives_a_restart(journey, stack)
        await _is_unlinked(journey)
