"""The realtime service: Socket.IO for clients, NATS for the other services."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import socketio
from starlette.types import ASGIApp, Receive, Scope, Send

from services.realtime.admission import AdmissionMiddleware
from services.realtime.dialects.chat import ChatHandlers
from services.realtime.dialects.named_sessions import NamedSessionHandlers
from services.realtime.presence import PresenceHandlers
from services.realtime.send_message import SendMessageHandler
from services.realtime.server import RealtimeServer
from services.realtime.settings import RealtimeSettings
from services.realtime.viewing import ViewingHandlers
from shared.contracts.registry import EVENTS_STREAM
from shared.messaging.client import broker_client
from shared.messaging.connection import connection, make_broker, nats_ready
from shared.messaging.streams import await_streams
from shared.platform.background import keep_running, stop_task
from shared.service import lifespan_app, with_ops


def make_app(settings: RealtimeSettings) -> ASGIApp:
    """`/socket.io/` and the operations routes."""
    broker = make_broker("realtime", settings)
    server = RealtimeServer(settings)
    SendMessageHandler(server, settings.send_wait)
    presence = PresenceHandlers(server)
    ViewingHandlers(server, presence)
    ChatHandlers(server, presence)
    sessions = NamedSessionHandlers(server)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        # it faces the internet: its NATS user may look at the events stream only
        streams = partial(await_streams, needed=(EVENTS_STREAM,))
        async with connection(broker, settings, streams=streams) as js:
            await server.start(broker_client(broker), js)
            renewal = keep_running("renewal of stored rooms", server.recovery.renew_forever)
            try:
                yield
            finally:
                await stop_task(renewal)
                await server.close()
                await sessions.close()

    sockets = AdmissionMiddleware(
        socketio.ASGIApp(server.sio), server.sio, server.error_log, settings.socket_payload_limit
    )
    service = lifespan_app(lifespan)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        is_socket = scope["type"] != "lifespan" and _is_socket_path(scope["path"])
        await (sockets if is_socket else service)(scope, receive, send)

    return with_ops(app, {"nats": partial(nats_ready, broker)}, settings)


def _is_socket_path(path: str) -> bool:
    return path == "/socket.io" or path.startswith("/socket.io/")
