"""Which processes make up Switchboard on one machine, as data. `docker-compose.yml` says the same (a test compares)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

ROOT = Path(__file__).resolve().parents[2]

Ready = Literal["http", "mongo"]
LAST_TO_STOP = 2


@dataclass(frozen=True)
class Process:
    """One process. Texts in braces are filled in from `places`; a variable whose text comes out empty is left away.

    port: offset from the first port. ready: `http` = `ready_path` answers 200 on `ready_port` (an offset, default
    `port`); `mongo` = the replica set has its primary. needs: what must be ready before it starts. stops: those with
    the lowest number are stopped first, together; what they need to finish their work ends after them.
    """

    name: str
    port: int
    command: tuple[str, ...]
    ready: Ready = "http"
    ready_path: str = "/readyz"
    ready_port: int | None = None
    needs: tuple[str, ...] = ()
    stops: int = LAST_TO_STOP
    env: Mapping[str, str] = field(default_factory=dict)


SIMULATOR_NETWORK, NATS_MONITOR = 6, 9
PORTS = 10
"""How many ports in a row Switchboard takes."""

_SERVERS = ("nats", "mongo")
_SERVICE = MappingProxyType(
    {
        "WA_ENVIRONMENT": "{environment}",
        "WA_HTTP_HOST": "127.0.0.1",
        "WA_HTTP_PORT": "{port}",
        "NATS_URL": "{nats_url}",
        "MONGO_URL": "{mongo_url}",
    }
)
_SIGNER = MappingProxyType({"WA_TOKEN_PRIVATE_KEY": "{token_private_key}"})
_READER = MappingProxyType({"WA_TOKEN_PUBLIC_KEY": "{token_public_key}"})
_BEHIND_FRONT = MappingProxyType({"WA_TRUSTED_PROXIES": "127.0.0.1"})
"""The front process connects from loopback; it replaces what a client says in X-Forwarded-*."""
_SIMULATOR = {"WA_SIMULATOR_URL": "{simulator_url}"}


def _words(line: str) -> tuple[str, ...]:
    """Split before the places are filled in, so that a folder may have spaces in its name."""
    return tuple(line.split())


def _service(name: str, port: int, stops: int, **env: str) -> Process:
    command = ("{python}", "-m", f"services.{name}.main")
    return Process(name, port, command, needs=_SERVERS, env=_SERVICE | env, stops=stops)


PROCESSES = (
    Process(
        "nats",
        7,
        _words("{nats_server} -c {root}/deploy/nats.conf -a 127.0.0.1 -p {port} -m {monitor_port} -sd {data}/nats"),
        ready_path="/healthz",
        ready_port=NATS_MONITOR,
    ),
    Process(
        "mongo",
        8,
        _words(
            "{mongod} --dbpath {data}/mongo --port {port} --bind_ip 127.0.0.1 --nounixsocket"
            " --replSet rs0 --wiredTigerCacheSizeGB 0.5 --oplogSize 512 --quiet"
        ),
        ready="mongo",
    ),
    Process(
        "simulator",
        5,
        _words("{python} -m simulator --control-port {port} --port {network_port} --data {data}/simulator"),
        ready_path="/health",
    ),
    _service("router", 3, 1),
    _service("session", 4, 1, WA_DATA_DIR="{data}/session", **_SIMULATOR),
    _service("api", 1, 0, **_SIGNER, **_BEHIND_FRONT, **_SIMULATOR),
    _service("realtime", 2, 0, **_READER, **_BEHIND_FRONT),
    Process(
        "front",
        0,
        _words("{python} -m deploy.local.front_proxy --port {port} --api {api_url} --realtime {realtime_url}"),
        ready_path="/front/livez",
        stops=0,
    ),
)
"""In the order of starting. Stopped by `stops`: what callers reach, what does the work, the servers."""

PRIVATE_PORTS = tuple(sorted({p.port for p in PROCESSES} | {SIMULATOR_NETWORK, NATS_MONITOR}))


def url(port: int, scheme: str = "http") -> str:
    """A loopback address."""
    return f"{scheme}://127.0.0.1:{port}"


def mongo_url(port: int) -> str:
    return f"{url(port, 'mongodb')}/?replicaSet=rs0"


def fill(process: Process, first_port: int, places: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """Command and variables of one process with every place filled in. Raises KeyError for an unknown place."""
    known = {**places, "port": str(first_port + process.port)}
    command = [part.format_map(known) for part in process.command]
    variables = {name: text.format_map(known) for name, text in process.env.items()}
    return command, {name: text for name, text in variables.items() if text}
