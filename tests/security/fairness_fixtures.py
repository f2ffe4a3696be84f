"""The session service's consumers on a real nats-server and a real mongod, with workers played in this process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import nats
from faststream.nats import NatsBroker
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from services.router.settings import RouterSettings
from services.session import app
from services.session.ipc.messages import Send, ToWorker
from services.session.settings import SessionSettings
from services.session.store import migrate_session
from services.session.supervisor.node import SessionNode
from shared.contracts.commands import ConnectInstance, SendText
from shared.contracts.events import ConnectionChanged
from shared.contracts.ids import new_id
from shared.contracts.message import Event, Message
from shared.contracts.records import ConnectionStatus, Network, Party
from shared.contracts.registry import parse_event
from shared.messaging.client import broker_client, jetstream
from shared.messaging.connection import connection, make_broker
from shared.messaging.consumer import Consumers
from shared.messaging.publisher import Publisher
from shared.messaging.streams import ensure_streams
from shared.platform.mongo import Database, open_mongo
from shared.platform.settings import Settings
from tests.fakes.workers import FakeWorker, FakeWorkers, obedient
from tests.memory import in_memory
from tests.servers import free_port, nats_server
from tests.subscriptions import subscribed

WAIT_TIMEOUT_S = 40
E = TypeVar("E", bound=Event)


def silent_for(*instance_ids: str) -> Callable[[FakeWorker, ToWorker], None]:
    """Workers that never say what became of a send of these instances."""

    def script(worker: FakeWorker, frame: ToWorker) -> None:
        if not (isinstance(frame, Send) and frame.instance_id in instance_ids):
            obedient(worker, frame)

    return script


@asynccontextmanager
async def own_nats(folder: Path) -> AsyncIterator[str]:
    """A server whose streams hold nothing from other tests."""
    with in_memory(folder / "nats"):
        server = nats_server(folder)
        await server.start()
        yield f"nats://127.0.0.1:{server.port}"
        await server.kill()


@dataclass
class Bus:
    """Publishes, and keeps every event that is heard."""

    js: JetStreamContext
    database: Database
    events: list[Event] = field(default_factory=list)
    bell: asyncio.Event = field(default_factory=asyncio.Event)

    async def hear(self, message: Msg) -> None:
        if event := parse_event(message.subject, message.data):
            self.events.append(event)
            self.bell.set()

    async def publish(self, *messages: Message) -> None:
        await Publisher(self.js)(*messages)

    async def create(self, organization_id: str, instance_id: str, **more: Any) -> None:
        """An instance, as the api makes it."""
        made = {"_id": instance_id, "organization_id": organization_id, "deleted_at": None, **more}
        await self.database["instances"].insert_one(made)

    async def event(self, kind: type[E], **fields: Any) -> E:
        """The first event of a class with these fields."""
        async with asyncio.timeout(WAIT_TIMEOUT_S):
            while True:
                for event in self.events:
                    if isinstance(event, kind) and all(getattr(event, key) == fields[key] for key in fields):
                        return event
                self.bell.clear()
                await self.bell.wait()


@asynccontextmanager
async def open_bus(settings: Settings) -> AsyncIterator[Bus]:
    client = await nats.connect(settings.nats_url)
    async with open_mongo(settings) as database:
        bus = Bus(jetstream(client), database)
        await ensure_streams(bus.js, settings)
        await client.subscribe("wa.event.>", cb=bus.hear)
        await subscribed(client)
        yield bus
        await database.client.drop_database(database.name)
    await client.close()


@dataclass
class Session:
    """A node with its consumers; `workers` says what its workers do."""

    bus: Bus
    node: SessionNode
    workers: FakeWorkers
    broker: NatsBroker

    async def connected(self, organization_id: str, instance_id: str) -> None:
        """The api makes the instance, and it is connected."""
        await self.bus.create(organization_id, instance_id)
        await self.bus.publish(ConnectInstance(organization_id=organization_id, instance_id=instance_id))
        await self.bus.event(ConnectionChanged, instance_id=instance_id, status=ConnectionStatus.CONNECTED)

    def sends(self, instance_id: str | None = None) -> list[Send]:
        sends = [send for worker in self.workers.all for send in worker.sends()]
        return [send for send in sends if instance_id in (None, send.instance_id)]


def session_settings(nats_url: str, mongo_url: str, folder: Path) -> SessionSettings:
    return SessionSettings(
        environment="local",
        nats_url=nats_url,
        mongo_url=mongo_url,
        mongo_database=f"t{new_id()[:12]}",
        data_dir=folder / "session",
        node_name=f"node-{new_id()[:8]}",
        start_interval=0,
        lease_ttl=5,
        shutdown_grace=timedelta(seconds=0.5),
    )


def router_settings(nats_url: str, mongo_url: str, **more: Any) -> RouterSettings:
    return RouterSettings(
        nats_url=nats_url,
        mongo_url=mongo_url,
        mongo_database=f"t{new_id()[:12]}",
        http_port=free_port(),
        environment="local",
        **more,
    )


@asynccontextmanager
async def open_session(settings: SessionSettings) -> AsyncIterator[Session]:
    """The consumers of the session service as its app declares them."""
    workers = FakeWorkers()
    broker = make_broker("session", settings)
    consumers = Consumers(broker, settings, "session")

    async def no_proxy(_network: Network) -> str | None:
        return None

    async with open_bus(settings) as bus:
        await migrate_session(bus.database)

        async with connection(broker, settings) as js:
            node = SessionNode(settings, bus.database, broker_client(broker), {Network.WHATSAPP: workers}, no_proxy)
            app._consume(consumers, node)
            await node.start()
            async with consumers.started(js):
                yield Session(bus, node, workers, broker)
            await node.stop()


def text(organization_id: str, instance_id: str, message_id: str, **more: Any) -> SendText:
    to = Party(phone="4915199999999")
    return SendText(
        organization_id=organization_id, instance_id=instance_id, message_id=message_id, to=to, text="hello", **more
    )
