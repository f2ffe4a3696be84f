"""Every listening address, for docs/settings.md; tests/security/test_compose_hardening.py compares it."""

from typing import NamedTuple


class ListeningAddress(NamedTuple):
    """Addresses on a server (inside its container unless said otherwise) and in local mode, whose first port is N."""

    name: str
    server: str
    local: str
    reached_by: str


LISTENERS = (
    ListeningAddress(
        "front server", "port 3000 of the machine, at `SWITCHBOARD_ADDRESS`", "127.0.0.1:N", "whoever reaches it"
    ),
    ListeningAddress("front server, health", "127.0.0.1:2020", "/front/livez of 127.0.0.1:N", "its own container"),
    ListeningAddress(
        "api", "0.0.0.0:8000", "127.0.0.1:N+1", "networks web, bus, data; the outside by the front server"
    ),
    ListeningAddress("realtime", "0.0.0.0:8000", "127.0.0.1:N+2", "networks web, bus; the outside by the front server"),
    ListeningAddress("router, operations", "0.0.0.0:8000", "127.0.0.1:N+3", "networks bus, data"),
    ListeningAddress("session, operations", "0.0.0.0:8000", "127.0.0.1:N+4", "networks bus, data, outside"),
    ListeningAddress("simulator, control interface", "", "127.0.0.1:N+5", ""),
    ListeningAddress("simulator, WhatsApp network", "", "127.0.0.1:N+6", ""),
    ListeningAddress("NATS", "0.0.0.0:4222", "127.0.0.1:N+7, no password", "network bus, with a user's password"),
    ListeningAddress("NATS, monitoring", "127.0.0.1:8222", "127.0.0.1:N+9", "its own container"),
    ListeningAddress("MongoDB", "0.0.0.0:27017", "127.0.0.1:N+8, no password", "network data, with a user's password"),
)
_HEAD = """\
## Open ports

With `docker compose` these are addresses inside the containers; only the front server (the reverse proxy) is published.
With `./switchboard up` all are on loopback, and N is the first port (3000). The front server never passes on `/livez`,
`/readyz`, `/metrics` and `/workers`.

| what | server | local mode | who reaches it on a server |
|---|---|---|---|
"""
_TAIL = """
In local mode NATS, MongoDB and the simulator have no passwords: other users of the same machine can read and change
everything, so do not run it on a machine that you share.
"""


def listeners_table() -> str:
    """The section of docs/settings.md."""
    rows = (f"| {item.name} | {item.server or '-'} | {item.local} | {item.reached_by or '-'} |\n" for item in LISTENERS)
    return _HEAD + "".join(rows) + _TAIL
