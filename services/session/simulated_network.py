"""Connects the WhatsApp library to the simulator instead of WhatsApp; only for instances on the simulated network.

An unmodified library is redirected in three places: the address (by a proxy), the TLS roots (by SSL_CERT_FILE, read by
Go at exec) and the pinned root of the Noise certificates (32 bytes in writable memory, replaced).
"""

import ctypes
import re
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

NOISE_ROOT_VARIABLE = "WA_SIMULATED_NOISE_ROOT"
"""Environment variable of a zygote of the simulated network: the simulator's root key, hexadecimal."""
PINNED_NOISE_ROOT = bytes.fromhex("142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b")
"""The public root key of WhatsApp's Noise certificates, as compiled into the library."""


@dataclass(frozen=True)
class SimulatedNetwork:
    """proxy: URL for Start.proxy; ca: path of the PEM file; noise_root: 64 hexadecimal digits."""

    proxy: str
    ca: str
    noise_root: str


async def find_simulated_network(simulator_url: str) -> SimulatedNetwork:
    """Ask the simulator's control interface. Raises httpx.HTTPError when it does not answer."""
    async with httpx.AsyncClient(base_url=simulator_url, trust_env=False, timeout=5) as http:
        response = await http.get("/network")
    network = response.raise_for_status().json()
    return SimulatedNetwork(network["proxy"], network["ca"], network["noise_root"])


_INHERITED = frozenset(
    {
        "PATH",
        "HOME",
        "LANG",
        "LANGUAGE",
        "TZ",
        "TMPDIR",
        "VIRTUAL_ENV",
        "LD_LIBRARY_PATH",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "ALL_PROXY",
        "WA_LOG_LEVEL",
        "WA_LOG_FORMAT",
        "GODEBUG",
        "GOGC",
        "GOMAXPROCS",
        "GOMEMLIMIT",
    }
)
_INHERITED_PREFIXES = ("LC_", "PYTHON", "COVERAGE_", "COV_CORE_")
_NOISE_ROOT_OF_TEST_TOOL = re.compile(r"[A-Z0-9]+_NOISE_ROOT")
_PUBLIC_KEY = re.compile(r"[0-9a-fA-F]{64}")


def _is_inherited(name: str) -> bool:
    return name.upper() in _INHERITED or name.startswith(_INHERITED_PREFIXES)


def _root_of_test_tool(inherited: Mapping[str, str]) -> dict[str, str]:
    """A separate test tool that stands in for WhatsApp on the real network passes its root key to the workers in the
    environment variable `<TOOL>_NOISE_ROOT`, beside the proxy. A value that is no public key is left out."""
    return {
        name: value
        for name, value in inherited.items()
        if _NOISE_ROOT_OF_TEST_TOOL.fullmatch(name) and _PUBLIC_KEY.fullmatch(value)
    }


def zygote_environment(
    inherited: Mapping[str, str], network: SimulatedNetwork | None, *, simulator_mode: bool = False
) -> dict[str, str]:
    """The environment variables of a zygote: of `inherited` those that the interpreter, the library and the log need.
    The native library parses there what strangers send, so it gets no address of NATS or MongoDB and no secret.

    `simulator_mode`: local mode with WA_SIMULATOR_URL, the only one in which a test tool may stand in for WhatsApp.
    NEONIZE_BOT_TAG: without it the library attaches a bot tag to every message.
    """
    environment = {name: value for name, value in inherited.items() if _is_inherited(name)}
    environment["NEONIZE_BOT_TAG"] = "off"
    if simulator_mode and network is None:
        environment |= _root_of_test_tool(inherited)
    if network:
        environment |= {"SSL_CERT_FILE": network.ca, NOISE_ROOT_VARIABLE: network.noise_root}
    return environment


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
