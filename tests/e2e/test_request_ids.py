"""Every message that a request causes carries its request id, through every service."""

import json
from typing import Any

import httpx
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from deploy.local.stack import Stack
from simulator import client as simulated
from simulator.client import SimulatorClient
from tests.e2e.front_end import front_end
from tests.e2e.test_socket_dialects import token_of
from tests.waiting import until

OWNER, CUSTOMER, TRACE = "442071838755", "442079460021", "order-4711"
pytestmark = pytest.mark.timeout(120)


async def test_a_send_can_be_followed_from_the_caller_to_whatsapp_and_back(
    stack: Stack, api: httpx.AsyncClient, simulator: SimulatorClient
) -> None:
    traced: dict[str, set[str]] = {}

    async def hear(message: Msg) -> None:
        body: dict[str, Any] = json.loads(message.data)
        header = (message.headers or {}).get("X-Request-Id")
        if body.get("request_id") == TRACE == header:
            traced.setdefault(".".join(message.subject.split(".")[1:4]), set()).add(body.get("status") or "")

    nats = Client()
    await nats.connect(stack.ready["nats"])
    organization = (await api.get("/api/organization")).json()["data"]["id"]
    await nats.subscribe(f"wa.*.*.*.{organization}.*", cb=hear)
    await simulator.post("/phones", number=OWNER, name="Bakery")
    await simulator.post("/contacts", number=CUSTOMER, name="Zoe")
    async with front_end(stack.ready["realtime"], token_of(api)) as front:
        code = (await front.ask("get_qr_code", {"network": "simulator"}))["data"]
        await simulator.call(simulated.scan(OWNER, code["qr"]))
        await front.wait("whatsapp:ready", instanceId=code["instanceId"])
        url, body = f"/api/whatsapp/instances/{code['instanceId']}/send", {"to": CUSTOMER, "message": "Ready"}
        answer = await api.post(url, json=body, headers={"X-Request-Id": TRACE})
        assert answer.headers["X-Request-Id"] == TRACE
    wanted = {
        "command.message.send",
        "command.session.send",
        "event.contact.created",
        "event.message.recorded",
        "event.message.sent",
        "event.message.status-changed",
    }
    await until(lambda: wanted <= traced.keys())
    assert "sent" in traced["event.message.status-changed"]
    await nats.close()
