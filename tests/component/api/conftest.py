"""The api over HTTP on a real MongoDB and a real nats-server; the other services are played by the tests."""

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
from shared.contracts.ids import new_id
from shared.contracts.message import Command, Event, utc_now
from shared.contracts.order_keys import key_at
from shared.contracts.principal import Principal, Role, issue_token
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
    """Somebody with a token, which `http` carries."""

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
class Stage:
    """A running api, its database, and the other services' end of NATS."""

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
        """Of a new organization, or one more of this. Nobody registered: hashing a password takes long."""
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
        """The service that owns a command: hears it and publishes what `answer` says. Yields what was heard."""
        heard: list[C] = []
        publish = Publisher(jetstream(self.nats))

        async def receive(message: Msg) -> None:
            heard.append(command.model_validate_json(message.data))
            for event in answer(heard[-1]):
                await publish(event)

        subscription = await self.nats.subscribe(command.subject_filter(), cb=receive)
        for _ in range(2):  # the first flush may overtake the subscription
            await self.nats.flush()
        yield heard
        await subscription.unsubscribe()

    async def connection(self, member: Member, instance_id: str, **fields: Any) -> None:
        """What the session service keeps of an instance."""
        new: Document = {"organization_id": member.organization_id, "status": ConnectionStatus.CONNECTED.value}
        await self.database.connections.replace_one({"_id": instance_id}, new | fields, upsert=True)


@asynccontextmanager
async def running(settings: ApiSettings) -> AsyncIterator[str]:
    """The api in this process; its address."""
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
    """Not the one of the run: the api answers questions there to the end of the session."""
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
async def stage(settings: ApiSettings) -> AsyncIterator[Stage]:
    nats = Client()
    await nats.connect(settings.nats_url)
    async with open_mongo(settings) as database, running(settings) as url:
        await ensure_indexes(database, INDEXES)
        yield Stage(url, settings, database, nats)
    await nats.close()


async def make_searchable(database: Database) -> None:
    """What the tests wrote gets the fields that the router writes with it."""
    await make_contacts_searchable(database)
    await make_texts_searchable(database)


@pytest.fixture
async def member(stage: Stage) -> AsyncIterator[Member]:
    async with stage.member() as found:
        yield found


@pytest.fixture
async def stranger(stage: Stage) -> AsyncIterator[Member]:
    """A member of another organization."""
    async with stage.member() as found:
        yield found


@pytest.fixture
def records(member: Member) -> Callable[..., Document]:
    """A message document as the router keeps them; give what matters."""

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
