"""The two wire types of protobuf that Signal messages use: varints and bytes."""

from collections.abc import Sequence


def pack(fields: Sequence[tuple[int, int | bytes]]) -> bytes:
    """Fields as (number, value), in the order given."""
    out = bytearray()
    for number, value in fields:
        if isinstance(value, int):
            out += _varint(number << 3) + _varint(value)
        else:
            out += _varint(number << 3 | 2) + _varint(len(value)) + value
    return bytes(out)


class ProtobufFields:
    """A parsed message: `number(n, default)` and `data(n)`."""

    def __init__(self, raw: bytes) -> None:
        self._numbers: dict[int, int] = {}
        self._data: dict[int, bytes] = {}
        at = 0
        while at < len(raw):
            key, at = _read_varint(raw, at)
            value, at = _read_varint(raw, at)
            if key & 7 == 0:
                self._numbers[key >> 3] = value
            elif key & 7 == 2 and at + value <= len(raw):
                self._data[key >> 3] = raw[at : at + value]
                at += value
            else:
                raise ValueError("the message is cut off or uses a wire type Signal does not use")

    def number(self, field: int, default: int = 0) -> int:
        return self._numbers.get(field, default)

    def optional_number(self, field: int) -> int | None:
        return self._numbers.get(field)

    def data(self, field: int) -> bytes:
        """Raises ValueError when the field is missing."""
        if field not in self._data:
            raise ValueError(f"the message has no field {field}")
        return self._data[field]


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _read_varint(raw: bytes, at: int) -> tuple[int, int]:
    result = shift = 0
    while at < len(raw):
        byte = raw[at]
        at += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result, at
        shift += 7
    raise ValueError("the message ends inside a number")
