"""A Brazilian customer whose account has no ninth digit, written to with it: one contact, and the text arrives."""

import httpx
import pytest

from deploy.local.stack import Stack
from simulator import client as simulated
from simulator.client import SimulatorClient
from tests.e2e.front_end import front_end
from tests.e2e.test_socket_dialects import token_of

OWNER, CUSTOMER, TYPED = "442071838754", "554799887766", "+55 47 99988-7766"
pytestmark = pytest.mark.timeout(120)


async def test_both_variants_of_a_number_are_one_contact(
    stack: Stack, api: httpx.AsyncClient, simulator: SimulatorClient
) -> None:
    await simulator.post("/phones", number=OWNER, name="Bakery")
    await simulator.post("/contacts", number=CUSTOMER, name="Ze")
    async with front_end(stack.ready["realtime"], token_of(api)) as front:
        code = (await front.ask("get_qr_code", {"network": "simulator"}))["data"]
        await simulator.call(simulated.scan(OWNER, code["qr"]))
        await front.wait("whatsapp:ready", instanceId=code["instanceId"])
        body = {"to": TYPED, "message": "Your table is free"}
        sent = await api.post(f"/api/whatsapp/instances/{code['instanceId']}/send", json=body)
        assert sent.status_code < 300, sent.text
        [received] = (await simulator.call(simulated.inbox(CUSTOMER)))["messages"]
        assert received["text"] == "Your table is free"
        await simulator.call(simulated.contact_writes(CUSTOMER, OWNER, "I am on my way"))
        await front.wait("new_message", content="I am on my way")
    [contact] = (await api.get("/api/contacts")).json()["data"]
    assert (contact["phone_number"], contact["name"]) == (CUSTOMER, "Ze")
    assert len((await api.get("/api/conversations")).json()["data"]) == 1
