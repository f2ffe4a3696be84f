"""One account through the calls of all four older systems, against the simulated WhatsApp."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from deploy.local.stack import Stack
from simulator import client as simulated
from simulator.client import SimulatorClient

OWNER, CUSTOMER = "442071838750", "442079460018"
pytestmark = pytest.mark.timeout(120)


async def call(api: httpx.AsyncClient, method: str, path: str, **body: Any) -> Any:
    answer = await api.request(method, path, json=body or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def until(api: httpx.AsyncClient, path: str, match: Callable[[Any], bool]) -> Any:
    """The answer of the path once it matches; the test's timeout ends the wait."""
    while not match(found := await call(api, "GET", path)):
        await asyncio.sleep(0.1)
    return found


async def link(api: httpx.AsyncClient, simulator: SimulatorClient) -> str:
    """Connects an account with the broadcaster's single call. → its id"""
    started = await call(api, "POST", "/api/v1/whatsapp/start-session", phoneNumber=f"+{OWNER}", network="simulator")
    assert started["qrCode"].startswith("data:image/png;base64,")
    shown = await call(api, "GET", "/api/whatsapp/qr")
    assert shown["data"]["qrCode"] == started["qrCode"]
    await simulator.call(simulated.scan(OWNER, shown["data"]["qr"]))
    account = f"/api/v1/whatsapp/sessions/{started['accountId']}"
    linked = await until(api, account, lambda found: found["isActive"])
    assert linked["phoneNumber"] == f"+{OWNER}"
    return str(started["accountId"])


async def conversation_started(api: httpx.AsyncClient, simulator: SimulatorClient, account: str) -> None:
    """Reads and writes as the chat front end and as the broadcaster."""
    await simulator.call(simulated.contact_writes(CUSTOMER, OWNER, "Are you open?"))
    between = f"/api/whatsapp/messages/between?from={OWNER}&to=%2B{CUSTOMER}"
    (asked,) = (await until(api, between, lambda found: found["data"]))["data"]
    assert (asked["content"], asked["isOutgoing"], asked["from"]) == ("Are you open?", False, CUSTOMER)
    (contact,) = (await call(api, "GET", "/api/whatsapp/contacts"))["data"]
    assert contact["phoneNumber"] == CUSTOMER
    sent = await call(api, "POST", "/api/whatsapp/send-message", to=CUSTOMER, message="Until eight.")
    message = {"accountId": account, "phoneNumber": f"+{CUSTOMER}", "message": "Come along!"}
    await call(api, "POST", "/api/v1/whatsapp/send-message", **message)
    said = (await until(api, between, lambda found: len(found["data"]) == 3))["data"]
    assert [(each["content"], each["isOutgoing"]) for each in said[1:]] == [
        ("Until eight.", True),
        ("Come along!", True),
    ]
    assert said[1]["id"] == sent["messageId"]
    got = (await simulator.call(simulated.inbox(CUSTOMER)))["messages"]
    assert [each["text"] for each in got] == ["Until eight.", "Come along!"]


async def close_and_come_back(api: httpx.AsyncClient) -> None:
    """Disconnects and connects as the settings page does: without a new scan."""
    await call(api, "POST", "/api/whatsapp/disconnect")
    await until(api, "/api/whatsapp/status", lambda found: not (found["isReady"] or found["isInitializing"]))
    assert (await call(api, "POST", "/api/whatsapp/connect"))["initializing"] is True
    ready = await until(api, "/api/whatsapp/status", lambda found: found["isReady"])
    assert (ready["phoneNumber"], ready["hasQR"]) == (OWNER, False)


async def test_one_account_in_every_dialect(stack: Stack, api: httpx.AsyncClient, simulator: SimulatorClient) -> None:
    await simulator.post("/phones", number=OWNER, name="Bakery")
    await simulator.post("/contacts", number=CUSTOMER, name="Zoe")
    account = await link(api, simulator)
    await conversation_started(api, simulator, account)
    await close_and_come_back(api)
    second = await call(api, "POST", "/api/sessions/my-session/initialize-with-qr?network=simulator")
    shown = await call(api, "GET", f"/api/whatsapp/qr?instanceId={second['instanceId']}")
    assert shown["data"]["status"] == "qr_pending"
    await call(api, "DELETE", f"/api/v1/whatsapp/sessions/{account}")
    await until(api, f"/api/v1/whatsapp/sessions/{account}", lambda found: found["status"] == "logged_out")
