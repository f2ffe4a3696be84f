"""A user writes to a number for the first time, gives the contact a name, takes the conversation and closes it."""

from typing import Any

import httpx
import pytest

from deploy.local.stack import Stack
from simulator import client as simulated
from simulator.client import SimulatorClient
from tests.e2e.front_end import front_end
from tests.e2e.test_socket_dialects import token_of

OWNER, CUSTOMER, NOBODY = "442071838756", "554133445566", "4930123456789"
pytestmark = pytest.mark.timeout(120)


async def test_the_first_message_to_a_number_begins_a_conversation(
    stack: Stack, api: httpx.AsyncClient, simulator: SimulatorClient
) -> None:
    await simulator.post("/phones", number=OWNER, name="Bakery")
    await simulator.post("/contacts", number=CUSTOMER, name="Ze")
    async with front_end(stack.ready["realtime"], token_of(api)) as front:
        code = (await front.ask("get_qr_code", {"network": "simulator"}))["data"]
        await simulator.call(simulated.scan(OWNER, code["qr"]))
        await front.wait("whatsapp:ready", instanceId=code["instanceId"])
        url = f"/api/whatsapp/instances/{code['instanceId']}/send"

        sent = await api.post(url, json={"to": f"+{CUSTOMER}", "message": "Your bread is ready"})
        assert sent.status_code == 200, sent.text
        conversation = f"/api/conversations/{sent.json()['conversationId']}"
        contact = (await api.get(conversation)).json()["data"]["contact"]
        assert contact["phone_number"] == CUSTOMER

        refused = await api.post(url, json={"to": NOBODY, "message": "Hello"})
        assert (refused.status_code, refused.json()["reason"]) == (502, "not_on_whatsapp"), refused.text

        renamed = await api.patch(f"/api/contacts/{contact['id']}", json={"name": "Zé da Padaria 👨‍👩‍👧"})
        assert renamed.status_code == 200, renamed.text
        await front.wait("contact:updated", givenName="Zé da Padaria 👨‍👩‍👧")
        await simulator.call(simulated.contact_writes(CUSTOMER, OWNER, "Thanks"))
        await front.wait("new_message", content="Thanks")

        async def change(action: str, body: dict[str, Any]) -> tuple[int, Any]:
            answer = await api.post(f"{conversation}/{action}", json=body)
            return answer.status_code, answer.json()

        assert (await change("assign", {"user_id": "me", "expected_assigned_to": None}))[0] == 200
        status, told = await change("assign", {"user_id": None, "expected_assigned_to": None})
        assert (status, told["code"], told["conversation"]["id"]) == (
            409,
            "conversation_changed",
            sent.json()["conversationId"],
        )
        assert (await change("close", {"expected_status": "open"}))[0] == 200
        assert (await change("close", {"expected_status": "open"}))[0] == 409
    await merged_and_split(api, contact["id"])
    counts = (await api.get("/api/conversations/counts")).json()["data"]
    assert (counts["all"], counts["mine"], counts["closed"]) == (1, 0, 1)
    found = (await api.get("/api/contacts", params={"sort": "last_message_at", "search": "padaria"})).json()["data"]
    assert [(each["name"], each["whatsapp_name"]) for each in found] == [("Zé da Padaria 👨‍👩‍👧", "Ze")]
    assert found[0]["last_message_at"] is not None


async def merged_and_split(api: httpx.AsyncClient, contact_id: str) -> None:
    """The contact, and the number to which no text could be sent."""
    [other_id] = [each["id"] for each in (await api.get("/api/contacts")).json()["data"] if each["id"] != contact_id]
    refused = await api.post(f"/api/contacts/{contact_id}/merge", json={"other_id": other_id})
    assert (refused.status_code, refused.json()["phone_numbers"]) == (409, [CUSTOMER, NOBODY]), refused.text
    body = {"other_id": other_id, "anyway": True}
    merged = await api.post(f"/api/contacts/{contact_id}/merge", json=body)
    assert [each["id"] for each in merged.json()["data"]["merges"]] == [other_id], merged.text
    assert len((await api.get("/api/contacts")).json()["data"]) == 1
    split = await api.post(f"/api/contacts/{contact_id}/split", json={"merged_id": other_id})
    assert split.json()["data"]["id"] == other_id, split.text
    assert len((await api.get("/api/contacts")).json()["data"]) == 2
