"""A mongod with authentication, started by the shipped script and set up by the shipped setup step."""

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pymongo import AsyncMongoClient

from deploy.local.binaries import find_mongod
from shared.platform.mongo_roles import ACCESS, password_variable
from shared.platform.mongo_setup import SETUP_USER
from tests.memory import in_memory
from tests.security.compose_file import SERVICES
from tests.servers import Server, free_port

ROOT = Path(__file__).resolve().parents[2]
Mongo = AsyncMongoClient[dict[str, Any]]


def made_up_passwords() -> dict[str, str]:
    return {user: secrets.token_hex(32) for user in (SETUP_USER, *ACCESS)}


@dataclass
class GuardedMongo:
    """`passwords` by user, `setup` included."""

    folder: Path
    port: int = field(default_factory=free_port)
    passwords: Mapping[str, str] = field(default_factory=made_up_passwords)
    key: str = field(default_factory=lambda: secrets.token_hex(64))

    @property
    def key_file(self) -> Path:
        return self.folder / "mongo.key"

    @property
    def options(self) -> list[str]:
        (self.folder / "mongo").mkdir(exist_ok=True)
        shipped = [option for option in SERVICES["mongo"]["command"] if option != "--bind_ip_all"]
        own = ["--dbpath", str(self.folder / "mongo"), "--port", str(self.port), "--bind_ip", "127.0.0.1"]
        return [*own, *shipped]

    def server(self) -> Server:
        program = find_mongod(os.environ)
        path = f"{program.parent}:{os.environ['PATH']}"
        variables = [f"PATH={path}", f"MONGO_KEY_FILE={self.key_file}", f"MONGO_REPLICA_KEY={self.key}"]
        script = [str(ROOT / "deploy" / "mongod.sh"), *self.options]
        return Server(["env", *variables, *script], self.port, self.folder / "mongod.log")

    async def set_up(self, **changed: str) -> tuple[int, str]:
        """Exit status and output of the setup step."""
        environment = {
            **os.environ,
            "MONGO_SETUP_ADDRESS": f"127.0.0.1:{self.port}",
            "MONGO_SETUP_MEMBER": f"127.0.0.1:{self.port}",
            **{password_variable(user): password for user, password in self.passwords.items()},
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "shared.platform.mongo_setup",
            cwd=ROOT,
            env=environment | changed,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode()

    def url(self, user: str) -> str:
        login = f"{user}:{self.passwords[user]}@"
        source = "admin" if user == SETUP_USER else "switchboard"
        return f"mongodb://{login}127.0.0.1:{self.port}/{source}?replicaSet=rs0"


@asynccontextmanager
async def guarded_mongo(folder: Path) -> AsyncIterator[GuardedMongo]:
    mongo = GuardedMongo(folder)
    with in_memory(folder / "mongo"):
        server = mongo.server()
        await server.start()
        try:
            status, output = await mongo.set_up()
            assert status == 0, output
            yield mongo
        finally:
            await server.kill()
