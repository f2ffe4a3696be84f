"""The media hosts (mmg.whatsapp.net): blobs in files, named by the hash of their content."""

import asyncio
import base64
from pathlib import Path

from aiohttp import web

from simulator.protocol.kdf import sha256
from simulator.server.network import NetworkState

AUTH_PREFIX = "simulated-"
HOST = "https://mmg.whatsapp.net"


class MediaHost:
    """Handlers of the media paths, and `put` / `get` for simulated people."""

    def __init__(self, network: NetworkState) -> None:
        self._network = network
        self._folder = network.folder / "media"
        self._folder.mkdir(parents=True, exist_ok=True)

    def put(self, blob: bytes, recipient: str = "") -> str:
        """-> direct path. It must hold a '?', because the client appends '&hash=...'."""
        token = base64.urlsafe_b64encode(sha256(blob)).decode().rstrip("=")
        (self._folder / token).write_bytes(blob)
        return f"/v/{token}?ccb=11-4&oh={recipient}"

    def get(self, direct_path: str) -> bytes:
        """Raises FileNotFoundError."""
        return self._file(direct_path.split("?")[0].rsplit("/", 1)[1]).read_bytes()

    def _file(self, token: str) -> Path:
        return self._folder / "".join(char for char in token if char.isalnum() or char in "-_")

    async def upload(self, request: web.Request) -> web.Response:
        auth = request.query.get("auth", "")
        number = auth.removeprefix(AUTH_PREFIX)
        if fault := self._network.media_fault(number):
            return web.Response(status=fault)
        if not auth.startswith(AUTH_PREFIX):
            return web.Response(status=401)
        path = await asyncio.to_thread(self.put, await request.read(), number)
        return web.json_response({"url": HOST + path, "direct_path": path})

    async def download(self, request: web.Request) -> web.StreamResponse:
        if fault := self._network.media_fault(request.query.get("oh", "")):
            return web.Response(status=fault)
        file = self._file(request.match_info["token"])
        return web.FileResponse(file) if file.is_file() else web.Response(status=404)

    async def delete(self, request: web.Request) -> web.Response:
        self._file(request.match_info["token"]).unlink(missing_ok=True)
        return web.Response()
