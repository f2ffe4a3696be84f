"""Prepares `bench sends`: linked accounts of one organization, and contacts who return delivery receipts."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import aiohttp

from deploy.local.attack_setup import api_client
from simulator.client import SimulatorClient, enter_code

CONTACTS_PER_ACCOUNT = 4
_LINK_TIMEOUT_S = 120.0
"""For one account."""
_MAX_CONCURRENT_LINKS = 4


@dataclass(frozen=True)
class LinkedAccount:
    """A connected instance, the number of its phone, and the contacts it writes to."""

    instance_id: str
    phone: str
    contacts: tuple[str, ...]


def targets(accounts: Sequence[LinkedAccount]) -> "cycle[tuple[str, str]]":
    """(instance id, number of a contact), without end: each account in turn, each time to its next contact."""
    rounds = range(CONTACTS_PER_ACCOUNT)
    return cycle([(account.instance_id, account.contacts[number]) for number in rounds for account in accounts])


async def new_contacts(simulator: SimulatorClient, count: int = CONTACTS_PER_ACCOUNT) -> tuple[str, ...]:
    """Numbers of contacts who return a delivery receipt for each message."""
    created = [await simulator.post("/contacts", auto_receipts=["delivered"]) for _ in range(count)]
    return tuple(str(contact["number"]) for contact in created)


async def link_accounts(ready: dict[str, Any], count: int) -> list[LinkedAccount]:
    """Creates `count` instances and links each to a simulated phone. Raises TimeoutError."""
    slots = asyncio.Semaphore(_MAX_CONCURRENT_LINKS)
    headers = {"Authorization": f"Bearer {ready['token']}"}

    async def link_one(number: int) -> LinkedAccount:
        async with slots, asyncio.timeout(_LINK_TIMEOUT_S):
            return await _link(api, simulator, headers, f"account {number}")

    async with api_client(ready["api"]) as api, SimulatorClient(ready["simulator"]) as simulator:
        return list(await asyncio.gather(*(link_one(number) for number in range(count))))


async def _link(
    api: aiohttp.ClientSession, simulator: SimulatorClient, headers: dict[str, str], name: str
) -> LinkedAccount:
    phone = str((await simulator.post("/phones"))["number"])
    body = {"instance_name": name, "network": "simulator"}
    created = await request_json(api, "POST", "/api/whatsapp/instances", json=body, headers=headers)
    instance_id = str(created["instance"]["id"])
    path = f"/api/whatsapp/instances/{instance_id}"
    connect = {"method": "code", "phone_number": phone}
    pairing = await request_json(api, "POST", f"{path}/connect", json=connect, headers=headers)
    await simulator.call(enter_code(phone, pairing["pairingCode"]))
    while True:
        answer = await request_json(api, "GET", f"{path}/status", headers=headers)
        if answer["instance"]["status"] == "connected":
            return LinkedAccount(instance_id, phone, await new_contacts(simulator))
        await asyncio.sleep(0.2)


async def request_json(api: aiohttp.ClientSession, method: str, path: str, **more: Any) -> dict[str, Any]:
    """The body of a response. Raises aiohttp.ClientResponseError for an error status."""
    async with api.request(method, path, **more) as response:
        response.raise_for_status()
        body: dict[str, Any] = await response.json()
        return body
