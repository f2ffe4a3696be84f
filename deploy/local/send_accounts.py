"""Prepares `bench sends`: linked accounts of one organization, and contacts who return delivery receipts."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from deploy.local.attack_setup import api_client, link_instance
from simulator.client import SimulatorClient

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

    async def link_one() -> LinkedAccount:
        async with slots, asyncio.timeout(_LINK_TIMEOUT_S):
            phone = str((await simulator.post("/phones"))["number"])
            instance_id = await link_instance(api, simulator, headers, phone)
            return LinkedAccount(instance_id, phone, await new_contacts(simulator))

    async with api_client(ready["api"]) as api, SimulatorClient(ready["simulator"]) as simulator:
        return list(await asyncio.gather(*(link_one() for _ in range(count))))
