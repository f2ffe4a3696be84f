"""The realtime service: Socket.IO in front, NATS behind."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import socketio
from starlette.types import ASGIApp, Receive, Scope, Send

from services.realtime.admission import AdmissionMiddleware
from services.realtime.dialects.chat import ChatHandlers
from services.realtime.dialects.named_sessions import NamedSessionHandlers
from services.realtime.nats_clients import NatsClients
from services.realtime.presence import PresenceHandlers
from services.realtime.replay import StreamReplay
from services.realtime.rooms import OrganizationRooms
from services.realtime.server import RealtimeServer
from services.realtime.settings import RealtimeSettings
from shared.contracts.events import AccessRevoked
from shared.contracts.registry import EVENTS_STREAM
from shared.messaging.client import JetStreamContext, broker_client
from shared.messaging.command_client import CommandClient
from shared.messaging.connection import connected, make_broker, nats_ready
from shared.messaging.ordered_consumer import OrderedConsumer
from shared.messaging.publisher import Publisher
from shared.messaging.streams import await_streams
from shared.platform.background import keep_running, stop_task
from shared.service import lifespan_app, with_ops


def make_app(settings: RealtimeSettings) -> ASGIApp:
    """`/socket.io/` and the operations routes."""
    broker = make_broker("realtime", settings)
    server = RealtimeServer(settings)
    ChatHandlers(server, PresenceHandlers(server))
    sessions = NamedSessionHandlers(server)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        endings: list[OrderedConsumer] = []

        async def prepare(js: JetStreamContext) -> None:
            client = broker_client(broker)
            endings.append(OrderedConsumer(client, js, AccessRevoked.subject_filter(), server.on_access_revoked))
            await endings[0].start(from_beginning=True)
            rooms = OrganizationRooms(client, js, server.send_queue, StreamReplay(client, js, settings.resume_limit))
            server.nats = NatsClients(client, js, rooms, CommandClient(client, Publisher(js)))

        # it faces the internet: its NATS user may look at the events only
        events = partial(await_streams, needed=(EVENTS_STREAM,))
        async with connected(broker, settings, prepare, streams=events):
            renewing = keep_running("renewal of kept rooms", server.recovery.renew_forever)
            try:
                yield
            finally:
                await stop_task(renewing)
                await server.close()
                await sessions.close()
                for feed in endings:
                    await feed.stop()
                if server.nats:
                    await server.nats.rooms.close()

    sockets = AdmissionMiddleware(
        socketio.ASGIApp(server.sio), server.sio, server.error_log, settings.socket_payload_limit
    )
    service = lifespan_app(lifespan)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        socket = scope["type"] != "lifespan" and _is_socket_path(scope["path"])
        await (sockets if socket else service)(scope, receive, send)

    return with_ops(app, {"nats": partial(nats_ready, broker)}, settings)


def _is_socket_path(path: str) -> bool:
    return path == "/socket.io" or path.startswith("/socket.io/")
