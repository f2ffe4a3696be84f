"""The session service: commands in, a node with its workers, events out."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from services.session.settings import SessionSettings
from services.session.simulated_network import find_simulated_network, zygote_environment
from services.session.store import migrate_session
from services.session.store.data_folder import only_user_of
from services.session.store.private_files import tighten
from services.session.supervisor.node import Node
from services.session.supervisor.number_queries import LIMITS, number_endpoints
from services.session.supervisor.worker_pool import Forker
from services.session.supervisor.zygote_handle import Zygote
from shared.contracts.commands import ConnectInstance, DisconnectInstance, LogoutInstance, MarkRead, SendText
from shared.contracts.ephemeral import SendTyping, SubscribePresence
from shared.contracts.message import Command
from shared.contracts.records import Network
from shared.messaging.client import JetStreamContext, broker_client
from shared.messaging.connection import connected, make_broker, nats_ready
from shared.messaging.consumer import Consumers
from shared.messaging.fair_consumer import FairShare
from shared.messaging.rpc_server import rpc_server
from shared.platform.mongo import open_mongo, ping
from shared.platform.readiness import Check
from shared.platform.settings import private_directory
from shared.service import lifespan_app, with_ops

SENDS = FairShare(concurrency=1_024, per_instance=16, max_unacked=8_192)
"""A send to an account that WhatsApp does not answer takes a minute, and the library sends one message of an account
after another: more than a few of one account gain nothing."""

MARKS = FairShare(concurrency=512, per_instance=8, max_unacked=4_096)
"""Those of an account that is being reconnected wait up to an hour."""

CONNECTIONS = FairShare(concurrency=64, per_instance=2, max_unacked=1_024)
"""Connect, disconnect, log out: one at a time for each account."""


def make_app(settings: SessionSettings) -> ASGIApp:
    """Runs the node while its lifespan does; serves the operations routes and `/workers`."""
    broker = make_broker("session", settings)
    nodes: list[Node] = []
    checks: dict[str, Check] = {"nats": partial(nats_ready, broker)}
    consumers = Consumers(broker, settings, "session")
    _subscribe(consumers, nodes)

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        tighten(private_directory(settings.data_dir))
        async with only_user_of(settings.data_dir), open_mongo(settings) as database:
            await migrate_session(database)

            async def prepare(js: JetStreamContext) -> None:
                await consumers.update(js)
                node = Node(settings, database, broker_client(broker), _zygotes(settings), partial(_proxy_of, settings))
                checks.update(mongo=partial(ping, database), lease=node.lease.check)
                nodes.append(node)
                await node.start()

            async with connected(broker, settings, prepare):
                try:
                    async with rpc_server(broker_client(broker), number_endpoints(nodes[0].numbers), limits=LIMITS):
                        yield
                finally:
                    await nodes[0].stop()

    return with_ops(_with_workers(lifespan_app(lifespan), nodes), checks, settings)


def _subscribe(consumers: Consumers, nodes: list[Node]) -> None:
    _connections(consumers, nodes)
    _messages(consumers, nodes)

    async def show_typing(live: SendTyping) -> None:
        nodes[0].attending.show(live, live.state)

    async def watch(live: SubscribePresence) -> None:
        nodes[0].attending.show(live, "subscribe")

    consumers.subscribe(SendTyping, show_typing, every_process=True)
    consumers.subscribe(SubscribePresence, watch, every_process=True)


def _connections(consumers: Consumers, nodes: list[Node]) -> None:
    async def connect(command: ConnectInstance) -> None:
        await nodes[0].handlers.connect(command)

    async def disconnect(command: DisconnectInstance) -> None:
        await nodes[0].handlers.disconnect(command)

    async def logout(command: LogoutInstance) -> None:
        await nodes[0].handlers.logout(command)

    async def refuse(command: Command) -> None:
        await nodes[0].handlers.refuse(command)

    consumers.consume(ConnectInstance, connect, CONNECTIONS, refuse)
    consumers.consume(DisconnectInstance, disconnect, CONNECTIONS, refuse)
    consumers.consume(LogoutInstance, logout, CONNECTIONS, refuse)


def _messages(consumers: Consumers, nodes: list[Node]) -> None:
    async def send(command: SendText) -> None:
        await nodes[0].sending.send(command)

    async def refuse_send(command: SendText) -> None:
        await nodes[0].sending.refuse(command)

    async def mark_read(command: MarkRead) -> None:
        await nodes[0].attending.mark_read(command)

    async def refuse_mark(command: MarkRead) -> None:
        await nodes[0].attending.refuse(command)

    consumers.consume(SendText, send, SENDS, refuse_send)
    consumers.consume(MarkRead, mark_read, MARKS, refuse_mark)


def _zygotes(settings: SessionSettings) -> dict[Network, Forker]:
    """The simulated network exists only where its address is set."""

    async def real() -> dict[str, str]:
        return zygote_environment(os.environ, None, simulator_mode=settings.simulator_url is not None)

    async def simulated() -> dict[str, str]:
        return zygote_environment(os.environ, await find_simulated_network(settings.simulator_url or ""))

    zygotes: dict[Network, Forker] = {Network.WHATSAPP: Zygote(real)}
    return zygotes | {Network.SIMULATOR: Zygote(simulated)} if settings.simulator_url else zygotes


async def _proxy_of(settings: SessionSettings, network: Network) -> str | None:
    if network is Network.WHATSAPP:
        return None
    return (await find_simulated_network(settings.simulator_url or "")).proxy


def _with_workers(app: ASGIApp, nodes: list[Node]) -> ASGIApp:
    """`GET /workers` for operators: which process holds which account."""

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/workers":
            workers = [worker for node in nodes for worker in node.workers()]
            await JSONResponse(workers)(scope, receive, send)
        else:
            await app(scope, receive, send)

    return dispatch
