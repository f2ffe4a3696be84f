"""Makes the library trust the simulator: replaces the pinned root key of the Noise certificates, 32 bytes in writable
memory. Only for instances on the simulated network."""

import ctypes

PINNED_NOISE_ROOT = bytes.fromhex("142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b")
"""The public root key of WhatsApp's Noise certificates, as compiled into the library."""


def trust_noise_root(root: bytes, library: str = "neonize-linux") -> None:
    """Replace the pinned key in this process. The library must be loaded. Raises RuntimeError when it is not there."""
    if len(root) != len(PINNED_NOISE_ROOT):
        raise RuntimeError(f"a Noise root has {len(PINNED_NOISE_ROOT)} bytes, not {len(root)}")
    addresses = [
        low + offset
        for low, high in _writable_areas(library)
        for offset in _offsets(ctypes.string_at(low, high - low), PINNED_NOISE_ROOT)
    ]
    if len(addresses) != 1:
        raise RuntimeError(f"the pinned Noise root was found {len(addresses)} times in the library, expected once")
    ctypes.memmove(addresses[0], root, len(root))


def _writable_areas(library: str) -> list[tuple[int, int]]:
    with open("/proc/self/maps") as maps:
        lines = [line.split(maxsplit=5) for line in maps if library in line]
    ranges = [area.split("-") for area, permissions, *_ in lines if permissions.startswith("rw")]
    return [(int(low, 16), int(high, 16)) for low, high in ranges]


def _offsets(memory: bytes, key: bytes) -> list[int]:
    offsets = []
    offset = memory.find(key)
    while offset >= 0:
        offsets.append(offset)
        offset = memory.find(key, offset + 1)
    return offsets
