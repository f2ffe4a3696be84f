"""The environment variables of a zygote, which its workers inherit."""

import re
from collections.abc import Mapping

from services.session.ipc.environment import NOISE_ROOT_VARIABLE
from services.session.supervisor.simulated_network import SimulatedNetwork

MALLOC_ARENAS = "2"
GO_GARBAGE_PERCENT = "50"
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
        "MALLOC_ARENA_MAX",
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
    MALLOC_ARENA_MAX: a worker has four threads for each account, and glibc would spread what they allocate over eight
    arenas for each processor, which keep what was freed.
    GOGC: the library's heap is collected when it has grown by half instead of doubled, which saves 3 MB with 25
    accounts and costs 0.06 ms of processor time for each text. This and the one before can be replaced by `inherited`.
    """
    environment = {"MALLOC_ARENA_MAX": MALLOC_ARENAS, "GOGC": GO_GARBAGE_PERCENT}
    environment |= {name: value for name, value in inherited.items() if _is_inherited(name)}
    environment["NEONIZE_BOT_TAG"] = "off"
    if simulator_mode and network is None:
        environment |= _root_of_test_tool(inherited)
    if network:
        environment |= {"SSL_CERT_FILE": network.ca, NOISE_ROOT_VARIABLE: network.noise_root}
    return environment
