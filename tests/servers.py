"""Real servers for tests, the ones the launcher uses."""

import asyncio
import os
import random
import socket
from contextlib import suppress
from pathlib import Path
from shutil import which

from pymongo import AsyncMongoClient

from deploy.local.binaries import find_mongod, find_nats_server
from deploy.local.streams import declare_streams

_FIRST_PORT, _PORTS_PER_PROCESS = 12_000, 4_000
"""Below the ports that outgoing connections get, and another range for each process of tests (pytest-xdist)."""
_next_port = random.Random(os.getpid()).randrange(_PORTS_PER_PROCESS)


def free_port() -> int:
    """A port nobody listens on right now (loopback), and that no other process of tests takes."""
    global _next_port
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 5
    for _ in range(_PORTS_PER_PROCESS):
        _next_port = (_next_port + 1) % _PORTS_PER_PROCESS
        port = _FIRST_PORT + worker * _PORTS_PER_PROCESS + _next_port
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("", port))
            return port
    raise RuntimeError("no port is free")


_KILLED_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--") if which("setpriv") else ()
"""A test run that is killed leaves no servers behind, where the system has this program."""


class Server:
    """One child process that can be killed and started again on the same data and port."""

    def __init__(self, argv: list[str], port: int, log: Path) -> None:
        self.argv, self.port, self.log = argv, port, log
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self.log.open("ab") as sink:
            command = (*_KILLED_WITH_US, *self.argv)
            self.process = await asyncio.create_subprocess_exec(*command, stdout=sink, stderr=sink)
        for _ in range(400):
            if self.process.returncode is not None:
                raise RuntimeError(f"{self.argv[0]} ended: {self.log.read_text()[-2000:]}")
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            except OSError:
                await asyncio.sleep(0.05)
        raise RuntimeError(f"{self.argv[0]} does not listen on {self.port}")

    async def kill(self) -> None:
        if self.process and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


class NatsServer(Server):
    """Has the streams once it is started, as if an api had been there: the other services only wait for them."""

    async def start(self) -> None:
        await super().start()
        await declare_streams(f"nats://127.0.0.1:{self.port}")


def nats_server(folder: Path) -> Server:
    port = free_port()
    argv = [str(find_nats_server(os.environ)), "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(folder / "nats")]
    return NatsServer(argv, port, folder / "nats.log")


def mongod(folder: Path) -> Server:
    port = free_port()
    (folder / "mongo").mkdir(parents=True, exist_ok=True)
    argv = [
        str(find_mongod(os.environ)),
        "--dbpath",
        str(folder / "mongo"),
        "--port",
        str(port),
        "--bind_ip",
        "127.0.0.1",
    ]
    argv += ["--replSet", "rs0", "--wiredTigerCacheSizeGB", "0.25", "--nounixsocket", "--oplogSize", "128"]
    return Server(argv, port, folder / "mongod.log")


async def start_replica_set(address: str, member: str | None = None, *, journaled: bool = True) -> None:
    """Make a replica set of one; `member` is how it calls itself when that is not its address. Where nothing is killed,
    an acknowledged write need not be in the journal."""
    client: AsyncMongoClient[dict[str, object]] = AsyncMongoClient(f"mongodb://{address}", directConnection=True)
    async with client:
        config = {"_id": "rs0", "members": [{"_id": 0, "host": member or address}]}
        await client.admin.command({"replSetInitiate": {**config, "writeConcernMajorityJournalDefault": journaled}})
