"""A nats-server with the production users, and a connection that records its permission errors."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from nats.aio.client import Client

from deploy.local.binaries import find_nats_server
from docs.generate.nats_users import shipped_permissions
from shared.messaging.nats_users import password_variable
from shared.messaging.permissions import inbox_prefix
from tests.memory import in_memory
from tests.servers import Server, free_port

ROOT = Path(__file__).resolve().parents[3]
PASSWORDS = {
    user: f"{number}e{number}{sha256(user.encode()).hexdigest()}" for number, user in enumerate(shipped_permissions())
}
"""They begin with digits: the server's configuration language must not read them as numbers."""


def url(port: int, user: str) -> str:
    return f"nats://{user}:{PASSWORDS[user]}@127.0.0.1:{port}"


@asynccontextmanager
async def guarded_server(folder: Path) -> AsyncIterator[Server]:
    """The passwords come from the environment, quoted as docker-compose.yml quotes them."""
    port = free_port()
    variables = [f'{password_variable(user)}="{password}"' for user, password in PASSWORDS.items()]
    program, config = str(find_nats_server(os.environ)), str(ROOT / "deploy" / "nats.production.conf")
    options = ["-c", config, "-a", "127.0.0.1", "-p", str(port), "-sd", str(folder / "js")]
    server = Server(["env", *variables, program, *options], port, folder / "nats.log")
    with in_memory(folder / "js"):
        await server.start()
        try:
            yield server
        finally:
            await server.kill()


@dataclass
class Connection:
    """A connection of one user; `refused`: the permission errors of the server."""

    client: Client
    refused: list[str] = field(default_factory=list)

    async def may_publish(self, subject: str) -> bool:
        await self.client.publish(subject, b"{}")
        return await self._nothing_refused()

    async def may_hear(self, subject: str) -> bool:
        await self.client.subscribe(subject)
        return await self._nothing_refused()

    async def _nothing_refused(self) -> bool:
        await self.client.flush()  # its ping may overtake what is still in the buffer
        await self.client.flush()
        refused, self.refused[:] = bool(self.refused), []
        return not refused


@asynccontextmanager
async def logged_in(server: Server, user: str) -> AsyncIterator[Connection]:
    client = Client()
    connection = Connection(client)

    async def refused(error: Exception) -> None:
        connection.refused.append(str(error))

    await client.connect(url(server.port, user), error_cb=refused, inbox_prefix=inbox_prefix(user).encode())
    yield connection
    await client.close()
