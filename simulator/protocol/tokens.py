"""Token dictionaries of the binary XML encoding, read at run time from the installed neonize library.

The Go compiler stores `[...]string` as an array of 16-byte headers (pointer, length). In a position independent library
every pointer is a relative relocation, so the arrays are found by their first entries. Nothing is copied into this
project and the tables are always those of the very library under test.
"""

import struct
from functools import lru_cache
from pathlib import Path

from simulator.protocol.protos import wheel_folder

RELOCATIONS, NO_BITS = 4, 8  # ELF section types
RELATIVE = 8  # R_X86_64_RELATIVE
FIRST_SINGLE = ("xmlstreamstart", "xmlstreamend", "s.whatsapp.net")
FIRST_DOUBLE = "read-self"
SINGLES, DOUBLES, DICTIONARIES = 235, 256, 4
LONGEST_TOKEN = 200


class _Library:
    def __init__(self, path: Path) -> None:
        self._data = data = path.read_bytes()
        (table,) = struct.unpack_from("<Q", data, 0x28)
        size, count = struct.unpack_from("<HH", data, 0x3A)
        headers = [struct.unpack_from("<IIQQQQ", data, table + i * size) for i in range(count)]
        self._sections: list[tuple[int, int, int, int]] = [
            (kind, address, offset, length) for _, kind, _, address, offset, length in headers
        ]
        self.pointers: dict[int, int] = {}
        for kind, _, offset, length in self._sections:
            if kind == RELOCATIONS:
                entries = struct.iter_unpack("<QQq", data[offset : offset + length])
                self.pointers.update({at: target for at, info, target in entries if info & 0xFFFFFFFF == RELATIVE})

    def offset(self, address: int) -> int | None:
        for kind, start, offset, length in self._sections:
            if kind != NO_BITS and start and start <= address < start + length:
                return offset + address - start
        return None

    def text_at(self, address: int) -> str | None:
        """The Go string whose header stands at `address`, or None when there is none."""
        header = self.offset(address)
        if header is None:
            return None
        (length,) = struct.unpack_from("<Q", self._data, header + 8)
        pointer = self.pointers.get(address)
        if pointer is None:
            return "" if length == 0 else None
        start = self.offset(pointer)
        if start is None or length > LONGEST_TOKEN:
            return None
        try:
            return self._data[start : start + length].decode()
        except UnicodeDecodeError:
            return None

    def texts(self, address: int, count: int) -> list[str]:
        return [self.text_at(address + 16 * i) or "" for i in range(count)]

    def slice_at(self, address: int) -> tuple[int, int] | None:
        """(address of the elements, count) of the Go slice header at `address`."""
        header = self.offset(address)
        if header is None or address not in self.pointers:
            return None
        (count,) = struct.unpack_from("<Q", self._data, header + 8)
        return self.pointers[address], count


def _single(library: _Library) -> list[str]:
    for address in library.pointers:
        if library.text_at(address) == FIRST_SINGLE[0] and library.texts(address, 3) == list(FIRST_SINGLE):
            return ["", *library.texts(address, SINGLES)]
    raise LookupError("the single-byte token table was not found in the neonize library")


def _double(library: _Library) -> list[list[str]]:
    for address, target in library.pointers.items():
        if library.text_at(target) != FIRST_DOUBLE or library.slice_at(address) != (target, DOUBLES):
            continue
        slices = [library.slice_at(address + 24 * i) for i in range(DICTIONARIES)]
        return [library.texts(*found) for found in slices if found is not None]
    raise LookupError("the double-byte token tables were not found in the neonize library")


@lru_cache(maxsize=1)
def load() -> tuple[list[str], list[list[str]]]:
    """(236 single-byte tokens, 4 x 256 double-byte tokens). Raises RuntimeError without a Linux x86-64 wheel."""
    path = next(wheel_folder().glob("neonize-linux-amd64.so"), None)
    if path is None:
        raise RuntimeError("the token tables are read from the Linux x86-64 wheel of neonize, which is not installed")
    library = _Library(path)
    return _single(library), _double(library)
