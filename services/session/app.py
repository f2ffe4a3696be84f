"""The session service: runs a node, which consumes commands and publishes events."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from services.session.private_files import restrict_permissions
from services.session.settings import SessionSettings
from services.session.store import migrate_session
from services.session.store.data_folder import lock_data_folder
from services.session.supervisor.node import SessionNode
from services.session.supervisor.number_queries import NUMBER_QUERY_LIMITS, number_endpoints
from services.session.supervisor.simulated_network import find_simulated_network
from services.session.supervisor.worker_pool import Forker
from services.session.supervisor.zygote_environment import zygote_environment
from services.session.supervisor.zygote_handle import ZygoteHandle
from shared.contracts.commands import ConnectInstance, DisconnectInstance, LogoutInstance, MarkRead, SendText
from shared.contracts.ephemeral import SendTyping, SubscribePresence
from shared.contracts.records import Network
from shared.messaging.client import broker_client
from shared.messaging.connection import connection, make_broker, nats_ready
from shared.messaging.consumer import Consumers
from shared.messaging.fair_consumer import FairShare
from shared.messaging.rpc_server import rpc_server
from shared.platform.mongo import open_mongo, ping
from shared.platform.readiness import Check
from shared.platform.settings import private_directory
from shared.service import lifespan_app, with_ops

SEND_SHARE = FairShare(concurrency=1_024, per_instance=16, max_unacked=8_192)
"""A send that WhatsApp does not answer takes a minute, and the library sends one message of an instance after another:
more than a few of one instance gain nothing."""

READ_RECEIPTS_SHARE = FairShare(concurrency=512, per_instance=8, max_unacked=4_096)
"""Those of an instance that is reconnecting wait up to an hour."""

CONNECTION_SHARE = FairShare(concurrency=64, per_instance=2, max_unacked=1_024)
"""Connect, disconnect, log out: one at a time for each instance."""


def make_app(settings: SessionSettings) -> ASGIApp:
    """The node runs while the app's lifespan lasts; the app serves the operations routes and `/workers`."""
    broker = make_broker("session", settings)
    checks: dict[str, Check] = {"nats": partial(nats_ready, broker)}
    running: dict[str, SessionNode] = {}
    """The operations routes are served before the node exists."""

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        restrict_permissions(private_directory(settings.data_dir))
        async with lock_data_folder(settings.data_dir), open_mongo(settings) as database:
            await migrate_session(database)

            async with connection(broker, settings) as js:
                client = broker_client(broker)
                node = SessionNode(settings, database, client, _zygotes(settings), partial(_proxy_of, settings))
                checks.update(mongo=partial(ping, database), lease=node.lease.check)
                running["node"] = node
                consumers = Consumers(broker, settings, "session")
                _consume(consumers, node)
                await node.start()
                try:
                    async with (
                        consumers.started(js),
                        rpc_server(client, number_endpoints(node.number_lookup), limits=NUMBER_QUERY_LIMITS),
                    ):
                        yield
                finally:
                    await node.stop()

    return with_ops(_with_workers(lifespan_app(lifespan), running), checks, settings)


def _consume(consumers: Consumers, node: SessionNode) -> None:
    commands, sends, presence = node.commands, node.sends, node.presence
    consumers.consume(ConnectInstance, commands.connect, CONNECTION_SHARE, commands.reject)
    consumers.consume(DisconnectInstance, commands.disconnect, CONNECTION_SHARE, commands.reject)
    consumers.consume(LogoutInstance, commands.logout, CONNECTION_SHARE, commands.reject)
    consumers.consume(SendText, sends.send, SEND_SHARE, sends.reject, direct=True)
    consumers.consume(MarkRead, presence.mark_read, READ_RECEIPTS_SHARE, presence.reject)

    async def send_typing(event: SendTyping) -> None:
        presence.send_presence(event, event.state)

    async def subscribe_presence(event: SubscribePresence) -> None:
        presence.send_presence(event, "subscribe")

    consumers.subscribe(SendTyping, send_typing, every_process=True)
    consumers.subscribe(SubscribePresence, subscribe_presence, every_process=True)


def _zygotes(settings: SessionSettings) -> dict[Network, Forker]:
    """The simulated network exists only where its address is set."""

    async def real() -> dict[str, str]:
        return zygote_environment(os.environ, None, simulator_mode=settings.simulator_url is not None)

    async def simulated() -> dict[str, str]:
        return zygote_environment(os.environ, await find_simulated_network(settings.simulator_url or ""))

    zygotes: dict[Network, Forker] = {Network.WHATSAPP: ZygoteHandle(real)}
    return zygotes | {Network.SIMULATOR: ZygoteHandle(simulated)} if settings.simulator_url else zygotes


async def _proxy_of(settings: SessionSettings, network: Network) -> str | None:
    if network is Network.WHATSAPP:
        return None
    return (await find_simulated_network(settings.simulator_url or "")).proxy


def _with_workers(app: ASGIApp, running: Mapping[str, SessionNode]) -> ASGIApp:
    """`GET /workers` for operators: which process holds which instance."""

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/workers":
            workers = [worker for node in running.values() for worker in node.workers()]
            await JSONResponse(workers)(scope, receive, send)
        else:
            await app(scope, receive, send)

    return dispatch
