"""The simulated WhatsApp server on its port: CONNECT proxy, TLS, websocket and media host."""

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from aiohttp import web

from simulator.protocol.node import Node
from simulator.server import iq
from simulator.server.accounts import Companion
from simulator.server.connection import ClientConnection
from simulator.server.login import LoginHandler
from simulator.server.media_host import MediaHost
from simulator.server.network import NetworkState
from simulator.server.profile_pictures import PictureHost
from simulator.server.routing import StanzaRouter
from simulator.server.tls import prepare
from simulator.server.tunnel import HttpProtocol, Tunnel, TunnelRules

log = logging.getLogger("simulator")
MAX_UPLOAD_BYTES = 128 << 20
IGNORED_STANZAS = ("ib",)  # telemetry of the client


class WhatsAppServer:
    """Accepts the connections and dispatches their stanzas."""

    def __init__(self, network: NetworkState) -> None:
        self.network, self.noise = network, network.meta.noise
        self.chain = self.noise.certificate_chain()
        self.login_handler = LoginHandler(network)
        self.media = MediaHost(network)
        self.pictures = PictureHost(network)
        self.ca_path, self._tls = prepare(network.folder)
        self._stanzas = self._table()
        self._listener: asyncio.Server | None = None
        self._runner: web.AppRunner | None = None

    def _table(self) -> dict[str, Callable[[ClientConnection, Node, Companion], None]]:
        router = StanzaRouter(self.network)
        return {
            "message": router.message,
            "receipt": router.receipt,
            "ack": router.ack,
            "chatstate": router.typing,
            "presence": router.presence,
        }

    async def start(self, port: int) -> int:
        """-> the bound port (0: any free port). Raises OSError when it is taken."""
        app = web.Application(client_max_size=MAX_UPLOAD_BYTES)
        app.router.add_get("/ws/chat", self._websocket)
        app.router.add_post("/mms/{kind}/{token}", self.media.upload)
        app.router.add_delete("/mms/{kind}/{token}", self.media.delete)
        app.router.add_get("/v/{token}", self.media.download)
        app.router.add_get("/pp/{lid_user}", self.pictures.download)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        http = cast(Callable[[], HttpProtocol], self._runner.server)
        rules = TunnelRules(self._tls, http, self.network.refuses_connection)
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
        connection = ClientConnection(self, socket, request)
        self.network.connections.add(connection)
        try:
            await connection.run()
        except Exception:
            log.exception("a connection failed")
        return socket

    def on_opened(self, connection: ClientConnection) -> None:
        self.login_handler.on_opened(connection)

    def on_closed(self, connection: ClientConnection) -> None:
        self.login_handler.on_closed(connection)

    def on_stanza(self, connection: ClientConnection, node: Node) -> None:
        """Dispatches a stanza. One that cannot be handled is logged and the connection stays open, as at WhatsApp."""
        try:
            handler = self._stanzas.get(node.tag)
            if node.tag == "iq":
                iq.answer_iq(self.network, connection, node)
            elif handler is not None and connection.companion is not None:
                handler(connection, node, connection.companion)
            elif node.tag not in IGNORED_STANZAS:
                self.network.unknown_stanzas.append(str(node))
        except Exception:
            log.exception("the stanza <%s> could not be handled", node.tag)
