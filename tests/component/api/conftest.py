"""The api over HTTP on a real MongoDB and a real nats-server; the tests play the other services."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import httpx
import pytest
import uvicorn
from nats.aio.client import Client
from nats.aio.msg import Msg

from services.api.app import create_app
from services.api.settings import ApiSettings
from services.router.store import INDEXES
from services.router.store.contact_documents import make_contacts_searchable
from services.router.store.migrations.searchable_texts import make_texts_searchable
from shared.contracts.access_tokens import issue_token
from shared.contracts.ids import new_id
from shared.contracts.message import Command, Event, utc_now
from shared.contracts.order_keys import key_at
from shared.contracts.principal import Principal, Role
from shared.contracts.records import ConnectionStatus
from shared.messaging.client import jetstream
from shared.messaging.publisher import Publisher
from shared.platform.mongo import Database, Document, ensure_indexes, open_mongo
from tests.memory import in_memory
from tests.servers import free_port, nats_server
from tests.token_keys import PRIVATE_KEY, SIGNING_KEY

C = TypeVar("C", bound=Command)


@dataclass
class Member:
    """A user; `http` sends their token."""

    http: httpx.AsyncClient
    organization_id: str
    user_id: str = ""

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def instance(self, **fields: Any) -> str:
        """The id of a new instance."""
        answer = await self.http.post("/api/whatsapp/instances", json={"instance_name": "Desk", **fields})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["instance"]["id"])


@dataclass
class Api:
    """A running api, its database, and a NATS connection to play the other services."""

    url: str
    settings: ApiSettings
    database: Database
    nats: Client

    @asynccontextmanager
    async def client(self, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=30) as http:
            yield http

    @asynccontextmanager
    async def member(self, role: Role = "owner", organization_id: str | None = None) -> AsyncIterator[Member]:
        """A user of a new organization, or of `organization_id`. Inserted, not registered: hashing a password takes
        long."""
        principal = Principal(organization_id=organization_id or new_id(), subject=new_id()).with_role(role)
        if organization_id is None:
            organization = {"_id": principal.organization_id, "name": "Acme", "created_at": utc_now()}
            await self.database.organizations.insert_one(organization)
        user: Document = {
            "_id": principal.subject,
            "organization_id": principal.organization_id,
            "role": role,
            "name": role,
            "email": f"{principal.subject}@example.org",
            "password_hash": "",
            "created_at": utc_now(),
        }
        await self.database.users.insert_one(user)
        token = issue_token(principal, SIGNING_KEY, timedelta(minutes=5))
        async with self.client(Authorization=f"Bearer {token}") as http:
            yield Member(http, principal.organization_id, principal.subject)

    @asynccontextmanager
    async def playing(self, command: type[C], answer: Callable[[C], Iterable[Event]]) -> AsyncIterator[list[C]]:
        """Play the service that consumes a command: publish the events of `answer`. Yields the commands received."""
        received: list[C] = []
        publish = Publisher(jetstream(self.nats))

        async def receive(message: Msg) -> None:
            received.append(command.model_validate_json(message.data))
            for event in answer(received[-1]):
                await publish(event)

        subscription = await self.nats.subscribe(command.subject_filter(), cb=receive)
        for _ in range(2):  # the first flush may overtake the subscription
            await self.nats.flush()
        yield received
        await subscription.unsubscribe()

    async def connection(self, member: Member, instance_id: str, **fields: Any) -> None:
        """Store the connection of an instance, as the session service does."""
        new: Document = {"organization_id": member.organization_id, "status": ConnectionStatus.CONNECTED.value}
        await self.database.connections.replace_one({"_id": instance_id}, new | fields, upsert=True)


@asynccontextmanager
async def running(settings: ApiSettings) -> AsyncIterator[str]:
    """Run the api in this process; yields its URL."""
    app = create_app(settings)
    config = uvicorn.Config(
        app, port=settings.http_port, log_config=None, lifespan="on", timeout_graceful_shutdown=1, proxy_headers=False
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done(), "the api did not start"
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{settings.http_port}"
    finally:
        server.should_exit = True
        await task


@pytest.fixture(scope="session")
async def own_bus(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Its own NATS server: the api answers queries there until the end of the test session."""
    folder = tmp_path_factory.mktemp("nats")
    with in_memory(folder / "nats"):
        server = nats_server(folder)
        await server.start()
        yield f"nats://127.0.0.1:{server.port}"
        await server.kill()


@pytest.fixture(scope="session")
def settings(own_bus: str, mongo_url: str) -> ApiSettings:
    return ApiSettings(
        environment="local",
        nats_url=own_bus,
        mongo_url=mongo_url,
        mongo_database=f"api_{new_id()[:8]}",
        http_port=free_port(),
        token_private_key=PRIVATE_KEY,
        cors_origins=["https://front.example"],
        login_failures=3,
        rate_limit_failures=1_000_000,
        login_failures_address=10_000,
    )


@pytest.fixture(scope="session")
async def api(settings: ApiSettings) -> AsyncIterator[Api]:
    nats = Client()
    await nats.connect(settings.nats_url)
    async with open_mongo(settings) as database, running(settings) as url:
        await ensure_indexes(database, INDEXES)
        yield Api(url, settings, database, nats)
    await nats.close()


async def make_searchable(database: Database) -> None:
    """Add the search fields, which the router writes, to what the tests inserted."""
    await make_contacts_searchable(database)
    await make_texts_searchable(database)


@pytest.fixture
async def member(api: Api) -> AsyncIterator[Member]:
    async with api.member() as user:
        yield user


@pytest.fixture
async def stranger(api: Api) -> AsyncIterator[Member]:
    """A member of another organization."""
    async with api.member() as user:
        yield user


@pytest.fixture
def records(member: Member) -> Callable[..., Document]:
    """Creates message documents as the router stores them; pass the fields that matter."""

    def make(**fields: Any) -> Document:
        new: Document = {
            "_id": new_id(),
            "organization_id": member.organization_id,
            "instance_id": "i",
            "kind": "message",
            "direction": "inbound",
            "origin": "contact",
            "from_address": "4915112345678",
            "to_address": "",
            "type": "text",
            "text": "hello",
            "status": "received",
            "timestamp": utc_now(),
        }
        made = new | fields
        return {"order_key": key_at(made["timestamp"])} | made

    return make
