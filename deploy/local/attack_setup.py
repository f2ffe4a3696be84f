"""Prepares `bench attack`: two organizations with a linked account each, and a long history of events."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from shared.contracts.events import MessageRecorded
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.contracts.records import MessageRecord, MessageStatus
from shared.messaging.client import NatsClient, jetstream
from shared.messaging.publisher import Publisher
from simulator.client import SimulatorClient, enter_code

PASSWORD = "correct horse battery staple"
HISTORY_EVENTS, EVENT_TEXT_BYTES = 1_000, 60_000
"""The attackers' history: this many messages with nearly the largest allowed text."""
_LINK_TIMEOUT_S, _MAX_CONCURRENT_PUBLISHES = 90.0, 20


@dataclass(frozen=True)
class LinkedOrganization:
    """An organization with its owner's e-mail and token, a connected account, its phone, and a contact to write to."""

    id: str
    email: str
    token: str
    instance_id: str
    phone: str
    contact: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@asynccontextmanager
async def api_client(origin: str, limit_s: float = 60.0) -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP client with unlimited connections and a cookie jar."""
    connector, limits = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(total=limit_s)
    jar = aiohttp.CookieJar(unsafe=True)  # also for IP addresses
    async with aiohttp.ClientSession(origin, connector=connector, timeout=limits, cookie_jar=jar) as session:
        yield session


async def create_organization(ready: dict[str, Any], name: str) -> LinkedOrganization:
    """Registers it and links its account to a simulated phone. Raises aiohttp.ClientError, TimeoutError."""
    email = f"{name}-{new_id()}@example.org"
    body = {"email": email, "password": PASSWORD, "organization_name": name}
    async with api_client(ready["api"]) as api, SimulatorClient(ready["simulator"]) as simulator:
        login = await request_json(api, "POST", "/api/auth/register", json=body)
        headers = {"Authorization": f"Bearer {login['token']}"}
        phone, contact = (await simulator.post("/phones"))["number"], (await simulator.post("/contacts"))["number"]
        async with asyncio.timeout(_LINK_TIMEOUT_S):
            instance_id = await link_instance(api, simulator, headers, phone)
    return LinkedOrganization(login["organization_id"], email, login["token"], instance_id, phone, contact)


async def link_instance(
    api: aiohttp.ClientSession, simulator: SimulatorClient, headers: dict[str, str], phone: str
) -> str:
    """The id of a new instance, which is connected."""
    body = {"instance_name": f"account {phone}", "network": "simulator"}
    created = await request_json(api, "POST", "/api/whatsapp/instances", json=body, headers=headers)
    instance_id = str(created["instance"]["id"])
    path = f"/api/whatsapp/instances/{instance_id}"
    connect = {"method": "code", "phone_number": phone}
    pairing = await request_json(api, "POST", f"{path}/connect", json=connect, headers=headers)
    await simulator.call(enter_code(phone, pairing["pairingCode"]))
    while True:
        if (await request_json(api, "GET", f"{path}/status", headers=headers))["instance"]["status"] == "connected":
            return instance_id
        await asyncio.sleep(0.2)


async def request_json(api: aiohttp.ClientSession, method: str, path: str, **more: Any) -> dict[str, Any]:
    """The body of a response. Raises aiohttp.ClientResponseError for an error status."""
    async with api.request(method, path, **more) as answer:
        answer.raise_for_status()
        body: dict[str, Any] = await answer.json()
        return body


async def publish_history(nats_url: str, organization: LinkedOrganization, events: int) -> None:
    """Publishes messages with a large text for the organization; all are stored when this returns."""
    client = NatsClient()
    await client.connect(nats_url)
    publish, slots = Publisher(jetstream(client)), asyncio.Semaphore(_MAX_CONCURRENT_PUBLISHES)

    async def one() -> None:
        async with slots:
            await publish(_large_event(organization))

    await asyncio.gather(*(one() for _ in range(events)))
    await client.close()


def _large_event(organization: LinkedOrganization) -> MessageRecorded:
    record = MessageRecord(
        id=new_id(),
        organization_id=organization.id,
        instance_id=organization.instance_id,
        direction="inbound",
        origin="contact",
        from_address=organization.contact,
        to_address=organization.phone,
        text="x" * EVENT_TEXT_BYTES,
        status=MessageStatus.DELIVERED,
        timestamp=utc_now(),
    )
    return MessageRecorded(organization_id=organization.id, instance_id=organization.instance_id, message=record)
