"""A node for tests, and the events it publishes."""

import asyncio
from collections.abc import Mapping
from typing import Any, TypeVar

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from services.session.settings import SessionSettings
from services.session.store import migrate_session
from services.session.supervisor.node import SessionNode
from services.session.supervisor.worker_pool import Forker
from shared.contracts.commands import ConnectInstance, DisconnectInstance, LogoutInstance, SendText
from shared.contracts.events import CommandRefused
from shared.contracts.ids import new_id
from shared.contracts.message import Event
from shared.contracts.records import ConnectionStatus, Network, Party
from shared.contracts.registry import parse_event
from shared.messaging.client import jetstream
from shared.messaging.streams import ensure_streams
from shared.platform.mongo import Database, Document
from tests.fakes.workers import FakeWorkers
from tests.waiting import until

WAIT_TIMEOUT_S = 60
INSTANCE, INTRUDER = "sales", "intruder"
E = TypeVar("E", bound=Event)


class NodeTestBed:
    """`node` may be stopped and started again; the organization is new for every test."""

    def __init__(self, settings: SessionSettings, database: Database, workers: FakeWorkers) -> None:
        self._settings, self._database = settings, database
        self.workers = workers
        self.organization = f"o{new_id()[:12]}"
        self.events: list[Event] = []
        self.node: SessionNode | None = None
        self._event_received = asyncio.Event()

    async def start(self) -> None:
        self.client: Client = await nats.connect(self._settings.nats_url)
        self.js = jetstream(self.client)
        await ensure_streams(self.js, self._settings)
        await migrate_session(self._database)
        await self.client.subscribe(f"wa.event.*.*.{self.organization}.*", cb=self._receive)
        await self.client.subscribe(CommandRefused.subject_filter(INTRUDER), cb=self._receive)
        await self.create_instance()
        await self.start_node()

    async def create_instance(self, instance: str = INSTANCE) -> None:
        """As the api creates it."""
        fields = {"$setOnInsert": {"organization_id": self.organization, "deleted_at": None}}
        await self._database["instances"].update_one({"_id": instance}, fields, upsert=True)

    async def stop(self) -> None:
        await self.stop_node()
        await self.client.close()

    async def start_node(self, zygotes: Mapping[Network, Forker] | None = None) -> SessionNode:
        async def no_proxy(_network: Network) -> str | None:
            return None

        zygotes = zygotes or {Network.WHATSAPP: self.workers}
        self.node = SessionNode(self._settings, self._database, self.client, zygotes, no_proxy)
        await self.node.start()
        return self.node

    async def stop_node(self) -> None:
        if self.node:
            await self.node.stop()
            self.node = None

    async def restart_node(self) -> SessionNode:
        await self.stop_node()
        return await self.start_node()

    async def _receive(self, message: Msg) -> None:
        if event := parse_event(message.subject, message.data):
            self.events.append(event)
            self._event_received.set()

    # --- commands

    async def connect(self, instance: str = INSTANCE, **more: Any) -> ConnectInstance:
        command = ConnectInstance(organization_id=self.organization, instance_id=instance, **more)
        await self.create_instance(instance)
        assert self.node
        await self.node.commands.connect(command)
        return command

    async def connected(self, instance: str = INSTANCE) -> None:
        """Connect and wait for it."""
        await self.connect(instance)
        await self.status(ConnectionStatus.CONNECTED, instance)

    async def disconnect(self) -> DisconnectInstance:
        command = DisconnectInstance(organization_id=self.organization, instance_id=INSTANCE)
        assert self.node
        await self.node.commands.disconnect(command)
        return command

    async def logout(self, *, delete: bool = False) -> LogoutInstance:
        command = LogoutInstance(organization_id=self.organization, instance_id=INSTANCE, delete=delete)
        assert self.node
        await self.node.commands.logout(command)
        return command

    def text(self, message_id: str, **more: Any) -> SendText:
        to = Party(phone="4915199999999")
        return SendText(
            organization_id=self.organization, instance_id=INSTANCE, message_id=message_id, to=to, text="hello", **more
        )

    async def send(self, command: SendText) -> None:
        assert self.node
        await self.node.sends.send(command)

    # --- events and documents

    async def event(self, kind: type[E], since: int = 0, **fields: Any) -> E:
        """The first event of a class with these fields."""
        async with asyncio.timeout(WAIT_TIMEOUT_S):
            while True:
                for event in self.events[since:]:
                    if isinstance(event, kind) and all(getattr(event, key) == fields[key] for key in fields):
                        return event
                self._event_received.clear()
                await self._event_received.wait()

    async def status(self, status: ConnectionStatus, instance: str = INSTANCE) -> Document:
        """Wait until MongoDB says so; the document."""
        return await self.document(instance, status=status.value)

    async def document(self, instance: str = INSTANCE, **fields: Any) -> Document:
        document = await until(lambda: self._database["connections"].find_one({"_id": instance, **fields}))
        return document
