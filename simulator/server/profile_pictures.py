"""Profile pictures of simulated accounts, the same at each run: a square in the colour of the LID; some have none."""

import struct
import zlib

from aiohttp import web

from simulator.protocol.kdf import sha256
from simulator.protocol.node import Node, element
from simulator.server.accounts import SimulatedAccount
from simulator.server.network import NetworkState

HOST = "https://pps.whatsapp.net"
SIDE_PIXELS = 96
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def has_picture(account: SimulatedAccount) -> bool:
    """Two of three accounts have one."""
    return _digest(account)[0] % 3 != 0


def picture_node(account: SimulatedAccount, kind: str) -> Node:
    """What WhatsApp answers about the picture of an account. `kind`: `image` or `preview`."""
    path = f"/pp/{account.lid_user}"
    picture_id = int.from_bytes(_digest(account)[:4], "big")
    return element("picture", {"id": str(picture_id), "type": kind, "url": HOST + path, "direct_path": path})


def draw(account: SimulatedAccount) -> bytes:
    """As a PNG file."""
    colour = bytes(64 + value // 2 for value in _digest(account)[1:4])
    rows = (b"\x00" + colour * SIDE_PIXELS) * SIDE_PIXELS
    header = struct.pack(">IIBBBBB", SIDE_PIXELS, SIDE_PIXELS, 8, 2, 0, 0, 0)
    return _PNG_SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


class PictureHost:
    """Handler of the picture path."""

    def __init__(self, network: NetworkState) -> None:
        self._network = network

    async def download(self, request: web.Request) -> web.Response:
        account = self._network.find_by_lid(request.match_info["lid_user"])
        if account is None or not has_picture(account):
            return web.Response(status=404)
        return web.Response(body=draw(account), content_type="image/png")


def _digest(account: SimulatedAccount) -> bytes:
    return sha256(account.lid_user.encode())


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
