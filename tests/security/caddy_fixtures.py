"""The real Caddy on the shipped Caddyfile, in front of backends on loopback."""

import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers import Server, free_port

CADDYFILE = Path(__file__).resolve().parents[2] / "deploy" / "Caddyfile"


@dataclass(frozen=True)
class Caddy:
    port: int
    server: Server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def log(self) -> str:
        return self.server.log.read_text()


def program() -> str:
    found = os.environ.get("CADDY") or shutil.which("caddy")
    assert found, "caddy is missing: `./switchboard test` installs it (Debian: apt-get install caddy)"
    return found


@asynccontextmanager
async def caddy(
    folder: Path, *, api: int, realtime: int, port: int | None = None, file: Path = CADDYFILE, **changed: str
) -> AsyncIterator[Caddy]:
    """`api`, `realtime`: ports of the services on loopback."""
    port, health = port or free_port(), free_port()
    variables: Mapping[str, str] = {
        "SWITCHBOARD_SITE": f":{port}",
        "SWITCHBOARD_HEALTH_PORT": str(health),
        "SWITCHBOARD_API_HOST": "127.0.0.1",
        "SWITCHBOARD_API_PORT": str(api),
        "SWITCHBOARD_REALTIME_HOST": "127.0.0.1",
        "SWITCHBOARD_REALTIME_PORT": str(realtime),
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CONFIG_HOME": str(folder / "config"),
    } | changed
    command = [program(), "run", "--config", str(file), "--adapter", "caddyfile"]
    assignments = [f"{name}={value}" for name, value in variables.items()]
    server = Server(["env", *assignments, *command], port, folder / "caddy.log")
    await server.start()
    try:
        yield Caddy(port, server)
    finally:
        await server.kill()
