"""Packets of clients, validated before they have any effect: Engine.IO frames, Socket.IO packets, arguments. Pure."""

import json
import re
from dataclasses import dataclass

from shared.contracts.errors import Problem

CONNECT, DISCONNECT, EVENT, ACK = 0, 1, 2, 3
NAMESPACE = "/"
RESERVED_EVENTS = frozenset(
    {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
)
"""Event names that Socket.IO reserves; a client may not send them."""
MAX_PACKETS_PER_POST = 16
MAX_EVENT_NAME_LENGTH = 64
MAX_ARGUMENT_DEPTH = 16
"""Nested lists and objects in the argument of an event."""
MAX_ARGUMENT_VALUES = 10_000
"""Values in the argument of an event, on all levels together."""

_FRAME = re.compile(r"4[0-3]|(?:1|3|3probe|2probe|5)\Z")
_PACKET = re.compile(r"([0-3])(/[^,]*(?:,|\Z))?([0-9]{1,15}(?![0-9]))?(.*)\Z", re.DOTALL)


class UnreadablePacketError(Exception):
    """A packet that no Socket.IO client sends to this service. Its text contains nothing of the packet."""


@dataclass(frozen=True)
class SocketIoPacket:
    """`id` is set when the client wants an acknowledgement."""

    kind: int
    namespace: str
    id: int | None
    data: object

    @property
    def event(self) -> tuple[str, list[object]]:
        """Name and arguments; of an EVENT only."""
        assert isinstance(self.data, list)
        name, *arguments = self.data
        return str(name), arguments


def check_frame(frame: object) -> None:
    """It must be an Engine.IO packet: close, pong, part of an upgrade, or a Socket.IO packet. Raises
    UnreadablePacketError."""
    if not isinstance(frame, str):
        raise UnreadablePacketError("binary data, which no event takes")
    if not _FRAME.match(frame):
        raise UnreadablePacketError("not an Engine.IO packet of a client")


def check_payload(body: bytes) -> int:
    """`body` is that of a polling POST. Returns the number of its packets. Raises UnreadablePacketError."""
    try:
        frames = body.decode().split("\x1e")
    except UnicodeDecodeError as error:
        raise UnreadablePacketError("not UTF-8") from error
    if len(frames) > MAX_PACKETS_PER_POST:
        raise UnreadablePacketError(f"more than {MAX_PACKETS_PER_POST} packets at once")
    for frame in frames:
        check_frame(frame)
    return len(frames)


def parse_packet(text: object) -> SocketIoPacket:
    """Raises UnreadablePacketError."""
    match = _PACKET.match(text) if isinstance(text, str) else None
    if match is None:
        raise UnreadablePacketError("not a Socket.IO packet of a client")
    kind, namespace, number, rest = int(match[1]), match[2] or NAMESPACE, match[3], match[4]
    data = _parse_json(rest) if rest else None
    if not _has_valid_data(kind, data):
        raise UnreadablePacketError(f"a Socket.IO packet of type {kind} without the data it has to have")
    return SocketIoPacket(kind, namespace.removesuffix(",").partition("?")[0], int(number) if number else None, data)


def _parse_json(text: str) -> object:
    try:
        return json.loads(text, parse_constant=_reject_constant)
    except (ValueError, RecursionError) as error:
        raise UnreadablePacketError("not JSON") from error


def _reject_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _has_valid_data(kind: int, data: object) -> bool:
    if kind == EVENT:
        return (
            isinstance(data, list) and bool(data) and isinstance(data[0], str) and len(data[0]) <= MAX_EVENT_NAME_LENGTH
        )
    if kind == ACK:
        return isinstance(data, list)
    return data is None or (kind == CONNECT and isinstance(data, dict))


def single_argument(arguments: list[object]) -> object:
    """The one argument of an event, or None. Raises Problem 422 `invalid_payload`."""
    if len(arguments) > 1:
        raise Problem(422, "invalid_payload", f"send one value with an event, not {len(arguments)}")
    value = arguments[0] if arguments else None
    _require_bounded(value)
    return value


def _require_bounded(value: object) -> None:
    level, count = [value], 0
    for _ in range(MAX_ARGUMENT_DEPTH + 1):
        count += len(level)
        if count > MAX_ARGUMENT_VALUES:
            raise Problem(422, "invalid_payload", f"at most {MAX_ARGUMENT_VALUES} values may be sent with an event")
        inner: list[object] = []
        for each in level:
            if isinstance(each, str):
                _require_encodable(each)
            elif isinstance(each, dict):
                inner += [*each.keys(), *each.values()]
            elif isinstance(each, list):
                inner += each
        if not inner:
            return
        level = inner
    raise Problem(422, "invalid_payload", f"lists and objects may be nested {MAX_ARGUMENT_DEPTH} levels deep")


def _require_encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        detail = "a text holds half of a surrogate pair, which is no character; send whole characters"
        raise Problem(422, "invalid_payload", detail) from error
