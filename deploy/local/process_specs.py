"""The processes of Switchboard on one machine, as data. A test compares them with `docker-compose.yml`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

ROOT = Path(__file__).resolve().parents[2]

Readiness = Literal["http", "mongo"]
LAST_STOP_STAGE = 2


@dataclass(frozen=True)
class ProcessTemplate:
    """One process. `command` and `env` contain placeholders in braces; an empty environment variable is left out.

    port_offset: from the first port. readiness: `http` = `readiness_path` answers 200 on `readiness_port` (an offset,
    default `port_offset`); `mongo` = the replica set has its primary. starts_after: names of the processes that must be
    ready before it starts. stop_stage: all processes of the lowest stage are stopped first, together, because they
    still need those of the later stages.
    """

    name: str
    port_offset: int
    command: tuple[str, ...]
    readiness: Readiness = "http"
    readiness_path: str = "/readyz"
    readiness_port: int | None = None
    starts_after: tuple[str, ...] = ()
    stop_stage: int = LAST_STOP_STAGE
    env: Mapping[str, str] = field(default_factory=dict)


SIMULATOR_NETWORK_PORT_OFFSET, NATS_MONITOR_PORT_OFFSET = 6, 9
PORT_COUNT = 10
"""Switchboard takes this many ports in a row."""

_SERVERS = ("nats", "mongo")
_SERVICE_ENV = MappingProxyType(
    {
        "WA_ENVIRONMENT": "{environment}",
        "WA_HTTP_HOST": "127.0.0.1",
        "WA_HTTP_PORT": "{port}",
        "NATS_URL": "{nats_url}",
        "MONGO_URL": "{mongo_url}",
    }
)
_TOKEN_SIGNER_ENV = MappingProxyType({"WA_TOKEN_PRIVATE_KEY": "{token_private_key}"})
_TOKEN_VERIFIER_ENV = MappingProxyType({"WA_TOKEN_PUBLIC_KEY": "{token_public_key}"})
_BEHIND_FRONT_ENV = MappingProxyType({"WA_TRUSTED_PROXIES": "127.0.0.1"})
"""The front process connects from loopback; it replaces what a client says in X-Forwarded-*."""
_SIMULATOR_ENV = {"WA_SIMULATOR_URL": "{simulator_url}"}


def _split_words(line: str) -> tuple[str, ...]:
    """Splits before the placeholders are filled in, so that a folder may have spaces in its name."""
    return tuple(line.split())


def _service(name: str, port: int, stop_stage: int, **env: str) -> ProcessTemplate:
    command = ("{python}", "-m", f"services.{name}.main")
    return ProcessTemplate(name, port, command, starts_after=_SERVERS, env=_SERVICE_ENV | env, stop_stage=stop_stage)


PROCESSES = (
    ProcessTemplate(
        "nats",
        7,
        _split_words(
            "{nats_server} -c {root}/deploy/nats.conf -a 127.0.0.1 -p {port} -m {monitor_port} -sd {data}/nats"
        ),
        readiness_path="/healthz",
        readiness_port=NATS_MONITOR_PORT_OFFSET,
    ),
    ProcessTemplate(
        "mongo",
        8,
        _split_words(
            "{mongod} --dbpath {data}/mongo --port {port} --bind_ip 127.0.0.1 --nounixsocket"
            " --replSet rs0 --wiredTigerCacheSizeGB 0.5 --oplogSize 512 --quiet"
        ),
        readiness="mongo",
    ),
    ProcessTemplate(
        "simulator",
        5,
        _split_words("{python} -m simulator --control-port {port} --port {network_port} --data {data}/simulator"),
        readiness_path="/health",
    ),
    _service("router", 3, 1),
    _service("session", 4, 1, WA_DATA_DIR="{data}/session", **_SIMULATOR_ENV),
    _service("api", 1, 0, **_TOKEN_SIGNER_ENV, **_BEHIND_FRONT_ENV, **_SIMULATOR_ENV),
    _service("realtime", 2, 0, **_TOKEN_VERIFIER_ENV, **_BEHIND_FRONT_ENV),
    ProcessTemplate(
        "front",
        0,
        _split_words("{python} -m deploy.local.front_proxy --port {port} --api {api_url} --realtime {realtime_url}"),
        readiness_path="/front/livez",
        stop_stage=0,
    ),
)
"""In the order of starting. Stop stages: 0 what clients connect to, 1 router and session, 2 the servers."""

PORT_OFFSETS = tuple(
    sorted({p.port_offset for p in PROCESSES} | {SIMULATOR_NETWORK_PORT_OFFSET, NATS_MONITOR_PORT_OFFSET})
)


def url(port: int, scheme: str = "http") -> str:
    """A loopback address."""
    return f"{scheme}://127.0.0.1:{port}"


def mongo_url(port: int) -> str:
    return f"{url(port, 'mongodb')}/?replicaSet=rs0"


def fill_placeholders(
    process: ProcessTemplate, first_port: int, placeholders: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """The command and the environment variables of one process. Raises KeyError for an unknown placeholder."""
    values = {**placeholders, "port": str(first_port + process.port_offset)}
    command = [part.format_map(values) for part in process.command]
    variables = {name: text.format_map(values) for name, text in process.env.items()}
    return command, {name: text for name, text in variables.items() if text}
