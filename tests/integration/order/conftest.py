"""An organization with one instance, and the product that serves it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from nats.aio.client import Client

from shared.contracts.access_tokens import issue_token
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.contracts.principal import Principal
from shared.platform.mongo import Database, open_mongo
from shared.platform.settings import Settings
from tests.integration.order.history import OWNER
from tests.integration.order.product import product
from tests.integration.order.readers import WAIT_TIMEOUT_S
from tests.token_keys import SIGNING_KEY


@dataclass(frozen=True)
class Servers:
    nats_url: str
    mongo_url: str
    database: Database
    nats: Client


@pytest.fixture
async def servers(nats_url: str, mongo_url: str) -> AsyncIterator[Servers]:
    name, nats = f"order_{new_id()[:12]}", Client()
    await nats.connect(nats_url)
    async with open_mongo(Settings(mongo_url=mongo_url, mongo_database=name)) as database:
        yield Servers(nats_url, mongo_url, database, nats)
        await database.client.drop_database(name)
    await nats.close()


async def add_organization(database: Database) -> tuple[str, str, str]:
    """Ids of an organization and its connected instance, and an owner's token."""
    principal, instance_id = Principal(organization_id=new_id(), subject=new_id()).with_role("owner"), new_id()
    own: dict[str, Any] = {"organization_id": principal.organization_id, "created_at": utc_now()}
    await database.organizations.insert_one({"_id": principal.organization_id, "name": "Acme", **own})
    user = {"_id": principal.subject, "role": "owner", "name": "Ana", "email": "ana@example.org", "password_hash": ""}
    await database.users.insert_one(user | own)
    instance = {"instance_name": "Desk", "phone_number": OWNER, "network": "whatsapp", "deleted_at": None}
    await database.instances.insert_one({"_id": instance_id, **instance, **own})
    connection = {"_id": instance_id, "status": "connected", "phone_number": OWNER, "lid": "77"}
    await database.connections.insert_one(connection | own)
    return principal.organization_id, instance_id, issue_token(principal, SIGNING_KEY, timedelta(hours=1))


@asynccontextmanager
async def running(servers: Servers, headers: dict[str, str]) -> AsyncIterator[tuple[str, httpx.AsyncClient]]:
    """The product's origin and a caller."""
    async with AsyncExitStack() as stack:
        origin = await stack.enter_async_context(product(servers.nats_url, servers.mongo_url, servers.database.name))
        http = httpx.AsyncClient(base_url=origin, headers=headers, trust_env=False, timeout=WAIT_TIMEOUT_S)
        yield origin, await stack.enter_async_context(http)
