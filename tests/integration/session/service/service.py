"""Starts the session service as a process, kills it, sends it commands and collects its events."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any, TypeVar

import httpx
import nats
from nats.aio.client import Client
from nats.aio.msg import Msg

from services.session.settings import SessionSettings
from shared.contracts.commands import ConnectInstance, SendText
from shared.contracts.events import ConnectionChanged, QrIssued
from shared.contracts.ids import new_id
from shared.contracts.message import Command, Event
from shared.contracts.records import ConnectionStatus, Network, Party
from shared.contracts.registry import parse_event
from shared.messaging.client import jetstream
from shared.messaging.publisher import Publisher
from shared.messaging.streams import ensure_streams
from shared.platform.mongo import Database
from simulator.people.phone import SimulatedPhone
from tests.forked import ForkedService
from tests.servers import free_port
from tests.waiting import until

WAIT_TIMEOUT_S = 60
INSTANCE = "sales"
E = TypeVar("E", bound=Event)


class SessionService:
    """`events`: what was published for its organization, in order."""

    def __init__(self, settings: SessionSettings, database: Database, log: Path) -> None:
        self._settings, self._database, self._log = settings, database, log
        self._nats: Client | None = None
        self._spawned = False
        self._port = free_port()
        self.organization = f"o{new_id()[:12]}"
        self.events: list[Event] = []
        self._event_received = asyncio.Event()

    async def start(self) -> None:
        self._nats = await nats.connect(self._settings.nats_url)
        js = jetstream(self._nats)
        await ensure_streams(js, self._settings)
        self._publish = Publisher(js)
        await self._nats.subscribe(f"wa.event.*.*.{self.organization}.*", cb=self._receive)
        fields = {"organization_id": self.organization, "deleted_at": None}  # as the api does
        await self._database["instances"].update_one({"_id": INSTANCE}, {"$setOnInsert": fields}, upsert=True)
        await self.start_process()

    async def spawn(self) -> None:
        s = self._settings
        environment = {
            **os.environ,
            "NATS_URL": s.nats_url,
            "MONGO_URL": s.mongo_url,
            "WA_MONGO_DATABASE": s.mongo_database,
            "WA_ENVIRONMENT": "local",
            "WA_DATA_DIR": str(s.data_dir),
            "WA_NODE_NAME": s.node_name,
            "WA_SIMULATOR_URL": s.simulator_url or "",
            "WA_HTTP_PORT": str(self._port),
            "WA_LOG_FORMAT": "console",
        }
        self.process = ForkedService("services.session.main", environment, self._log)
        self._spawned = True

    async def start_process(self) -> None:
        await self.spawn()
        await until(self.ready)

    async def exit_code_of_refused_start(self) -> int:
        """Start it and wait until it exits by itself; its exit code."""
        await self.spawn()
        return await asyncio.wait_for(self.process.wait(), WAIT_TIMEOUT_S)

    def log(self) -> str:
        return self._log.read_text()

    async def ready(self) -> bool:
        assert self.process.returncode is None, self._log.read_text()[-3000:]
        try:
            return (await self._get("/readyz")).status_code == 200
        except httpx.TransportError:
            return False

    async def workers(self) -> list[dict[str, Any]]:
        workers: list[dict[str, Any]] = (await self._get("/workers")).json()
        return workers

    async def _get(self, path: str) -> httpx.Response:
        async with httpx.AsyncClient(trust_env=False, timeout=5) as http:
            return await http.get(f"http://127.0.0.1:{self._port}{path}")

    async def stop_with(self, by: signal.Signals) -> int:
        self.process.send_signal(by)
        return await asyncio.wait_for(self.process.wait(), WAIT_TIMEOUT_S)

    async def close(self) -> None:
        if self._spawned and self.process.returncode is None:
            await self.stop_with(signal.SIGTERM)
        if self._nats:
            await self._nats.close()

    # --- commands

    async def publish(self, command: Command) -> None:
        await self._publish(command)

    async def link(self, phone: SimulatedPhone, instance: str = INSTANCE, since: int = 0) -> None:
        """Connect, scan the first code, wait until connected."""
        connect = ConnectInstance(organization_id=self.organization, instance_id=instance, network=Network.SIMULATOR)
        await self.publish(connect)
        await phone.scan((await self.event(QrIssued, cause=connect.id)).qr)
        await self.event(ConnectionChanged, since, instance_id=instance, status=ConnectionStatus.CONNECTED)

    async def send(self, message_id: str, phone: str, text: str) -> None:
        await self.publish(
            SendText(
                organization_id=self.organization,
                instance_id=INSTANCE,
                message_id=message_id,
                to=Party(phone=phone),
                text=text,
            )
        )

    # --- events

    async def _receive(self, message: Msg) -> None:
        if event := parse_event(message.subject, message.data):
            self.events.append(event)
            self._event_received.set()

    async def event(self, kind: type[E], since: int = 0, **fields: Any) -> E:
        """The first event of a class with these fields."""
        async with asyncio.timeout(WAIT_TIMEOUT_S):
            while True:
                for event in self.events[since:]:
                    if isinstance(event, kind) and all(getattr(event, key) == fields[key] for key in fields):
                        return event
                self._event_received.clear()
                await self._event_received.wait()

    def events_of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]
