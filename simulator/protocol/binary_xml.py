"""Binary XML: encoder and decoder.

The encoder may write every string raw, but uses single-byte tokens where it can: cheap, and frames stay small.
"""

import zlib
from functools import lru_cache

from simulator.protocol import tokens
from simulator.protocol.jid import Jid
from simulator.protocol.node import Attribute, Node, NodeContent

EMPTY, DOUBLE_FIRST, DOUBLE_LAST = 0, 236, 239
INTEROP_JID, FACEBOOK_JID, DEVICE_JID, LIST8, LIST16, JID_PAIR = 245, 246, 247, 248, 249, 250
HEX8, BINARY8, BINARY20, BINARY32, NIBBLE8 = 251, 252, 253, 254, 255
COMPRESSED = 2  # flag in the first byte of a payload
DOMAINS = {"s.whatsapp.net": 0, "lid": 1, "hosted": 128, "hosted.lid": 129}
SERVERS = {number: name for name, number in DOMAINS.items()}
NIBBLES, HEX = "0123456789-.???\0", "0123456789ABCDEF"


def encode(node: Node) -> bytes:
    """The payload of one frame, uncompressed."""
    out = bytearray(b"\0")
    _write_node(out, node)
    return bytes(out)


def decode(payload: bytes) -> Node:
    """The stanza in one frame. Raises ValueError when the bytes are not one."""
    body = zlib.decompress(payload[1:]) if payload[0] & COMPRESSED else payload[1:]
    try:
        return _Reader(body).node()
    except IndexError as error:
        raise ValueError("the stanza is cut off or refers to an unknown token") from error


@lru_cache(maxsize=1)
def _token_numbers() -> dict[str, int]:
    return {token: number for number, token in enumerate(tokens.load()[0]) if token}


def _write_list(out: bytearray, length: int) -> None:
    if length == 0:
        out.append(EMPTY)
    elif length < 256:
        out += bytes((LIST8, length))
    else:
        out.append(LIST16)
        out += length.to_bytes(2, "big")


def _write_bytes(out: bytearray, data: bytes) -> None:
    if len(data) < 256:
        out += bytes((BINARY8, len(data)))
    elif len(data) < 1 << 20:
        out.append(BINARY20)
        out += len(data).to_bytes(3, "big")
    else:
        out.append(BINARY32)
        out += len(data).to_bytes(4, "big")
    out += data


def _write_text(out: bytearray, text: str) -> None:
    token = _token_numbers().get(text)
    if token is None:
        _write_bytes(out, text.encode())
    else:
        out.append(token)


def _write_jid(out: bytearray, jid: Jid) -> None:
    if jid.device or jid.server.startswith("hosted"):
        out += bytes((DEVICE_JID, DOMAINS[jid.server], jid.device))
        _write_text(out, jid.user)
        return
    out.append(JID_PAIR)
    if jid.user:
        _write_text(out, jid.user)
    else:
        out.append(EMPTY)
    _write_text(out, jid.server)


def _write_attribute(out: bytearray, value: Attribute) -> None:
    if isinstance(value, Jid):
        _write_jid(out, value)
    else:
        _write_text(out, str(value))


def _write_content(out: bytearray, content: NodeContent) -> None:
    if isinstance(content, bytes):
        _write_bytes(out, content)
    elif content is not None:
        _write_list(out, len(content))
        for child in content:
            _write_node(out, child)


def _write_node(out: bytearray, node: Node) -> None:
    attrs = [(name, value) for name, value in node.attrs.items() if value is not None and value != ""]
    _write_list(out, 1 + 2 * len(attrs) + (node.content is not None))
    _write_text(out, node.tag)
    for name, value in attrs:
        _write_text(out, name)
        _write_attribute(out, value)
    _write_content(out, node.content)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0
        self._single, self._double = tokens.load()

    def _number(self, length: int) -> int:
        return int.from_bytes(self._raw(length), "big")

    def _raw(self, length: int) -> bytes:
        data = self._data[self._at : self._at + length]
        if len(data) != length:
            raise ValueError("the stanza is cut off")
        self._at += length
        return data

    def _packed(self, alphabet: str) -> str:
        head = self._number(1)
        text = "".join(alphabet[byte >> 4] + alphabet[byte & 15] for byte in self._raw(head & 127))
        return text[:-1] if head & 128 else text

    def _list_length(self, token: int) -> int:
        if token == EMPTY:
            return 0
        if token not in (LIST8, LIST16):
            raise ValueError(f"token {token} does not begin a list")
        return self._number(1 if token == LIST8 else 2)

    def _binary(self, token: int) -> bytes:
        if token == BINARY8:
            return self._raw(self._number(1))
        return self._raw(self._number(3) & 0xFFFFF if token == BINARY20 else self._number(4))

    def _jid(self, token: int) -> Jid:
        if token == JID_PAIR:
            user = self._text()
            return Jid(user, self._text())
        if token == DEVICE_JID:
            domain, device = self._number(1), self._number(1)
            return Jid(self._text(), SERVERS.get(domain, "s.whatsapp.net"), device)
        user, device = self._text(), self._number(2)
        if token == INTEROP_JID:
            self._number(2)  # the integrator, which nobody here has
        return Jid(user, self._text(), device)

    def _attribute(self) -> str | Jid:
        token = self._number(1)
        if token in (JID_PAIR, DEVICE_JID, FACEBOOK_JID, INTEROP_JID):
            return self._jid(token)
        if token < DOUBLE_FIRST:
            return self._single[token]
        if token <= DOUBLE_LAST:
            return self._double[token - DOUBLE_FIRST][self._number(1)]
        if token in (BINARY8, BINARY20, BINARY32):
            return self._binary(token).decode("utf-8", "replace")
        if token in (NIBBLE8, HEX8):
            return self._packed(NIBBLES if token == NIBBLE8 else HEX)
        raise ValueError(f"token {token} is not a text")

    def _text(self) -> str:
        return str(self._attribute())

    def _content(self) -> NodeContent:
        token = self._data[self._at]
        if token in (EMPTY, LIST8, LIST16):
            self._at += 1
            return [self.node() for _ in range(self._list_length(token))]
        if token in (BINARY8, BINARY20, BINARY32):
            self._at += 1
            return self._binary(token)
        return self._text().encode()

    def node(self) -> Node:
        size = self._list_length(self._number(1))
        tag = self._text()
        attrs: dict[str, Attribute] = {}
        for _ in range((size - 1) // 2):
            name = self._text()
            attrs[name] = self._attribute()
        return Node(tag, attrs, self._content() if size % 2 == 0 else None)
