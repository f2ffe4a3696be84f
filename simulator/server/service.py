"""The simulated service on its port: tunnel, TLS, websocket and media host, wired to the network's state."""

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from aiohttp import web

from simulator.protocol.node import Node
from simulator.server import iq
from simulator.server.accounts import Companion
from simulator.server.connection import Connection
from simulator.server.login import Doorkeeper
from simulator.server.media_host import MediaHost
from simulator.server.network import Network
from simulator.server.routing import Router
from simulator.server.tls import prepare
from simulator.server.tunnel import HttpProtocol, Tunnel, TunnelRules

log = logging.getLogger("simulator")
LARGEST_UPLOAD = 128 << 20
QUIET = ("ib",)  # telemetry of the client


class Service:
    """Owner of all connections."""

    def __init__(self, network: Network) -> None:
        self.network, self.noise = network, network.meta.noise
        self.chain = self.noise.certificate_chain()
        self.doorkeeper = Doorkeeper(network)
        self.media = MediaHost(network)
        self.ca_path, self._tls = prepare(network.folder)
        self._stanzas = self._table()
        self._listener: asyncio.Server | None = None
        self._runner: web.AppRunner | None = None

    def _table(self) -> dict[str, Callable[[Connection, Node, Companion], None]]:
        router = Router(self.network)
        return {
            "message": router.message,
            "receipt": router.receipt,
            "ack": router.ack,
            "chatstate": router.typing,
            "presence": router.presence,
        }

    async def start(self, port: int) -> int:
        """-> the port bound (0 asks for a free one). Raises OSError when it is taken."""
        app = web.Application(client_max_size=LARGEST_UPLOAD)
        app.router.add_get("/ws/chat", self._websocket)
        app.router.add_post("/mms/{kind}/{token}", self.media.upload)
        app.router.add_delete("/mms/{kind}/{token}", self.media.delete)
        app.router.add_get("/v/{token}", self.media.download)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        http = cast(Callable[[], HttpProtocol], self._runner.server)
        rules = TunnelRules(self._tls, http, self.network.refused)
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(lambda: Tunnel(rules), "127.0.0.1", port, backlog=1024)
        return int(self._listener.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        if self._listener is not None:
            self._listener.close()
        for connection in list(self.network.connections):
            await connection.close(abrupt=True)
        if self._runner is not None:
            await self._runner.cleanup()

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(max_msg_size=0, compress=False)
        await socket.prepare(request)
        connection = Connection(self, socket, request)
        self.network.connections.add(connection)
        try:
            await connection.run()
        except Exception:
            log.exception("a connection failed")
        return socket

    def opened(self, connection: Connection) -> None:
        self.doorkeeper.opened(connection)

    def gone(self, connection: Connection) -> None:
        self.doorkeeper.gone(connection)

    def stanza(self, connection: Connection, node: Node) -> None:
        """A stanza that cannot be handled is logged; the connection goes on, as on the real network."""
        try:
            handler = self._stanzas.get(node.tag)
            if node.tag == "iq":
                iq.answer(self.network, connection, node)
            elif handler is not None and connection.companion is not None:
                handler(connection, node, connection.companion)
            elif node.tag not in QUIET:
                self.network.unknown.append(str(node))
        except Exception:
            log.exception("the stanza <%s> could not be handled", node.tag)
