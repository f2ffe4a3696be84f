"""A simulator in this process, and the real neonize in a child process."""

import asyncio
import itertools
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from simulator.people.phone import SimulatedPhone
from simulator.world import World

DRIVER = Path(__file__).with_name("neonize_driver.py")
NEONIZE_TIMEOUT_S = 60  # seconds: generous, because the machine may be busy


@dataclass
class Neonize:
    """Controls a neonize process with one client. `db` survives the process."""

    world: World
    db: Path
    events: list[dict[str, Any]] = field(default_factory=list)
    _answers: dict[int, "asyncio.Future[dict[str, Any]]"] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    async def start(self) -> "Neonize":
        self._bell = asyncio.Event()
        read_end, write_end = os.pipe()
        env = {
            **os.environ,
            "OUT_FD": str(write_end),
            "SSL_CERT_FILE": str(self.world.service.ca_path),
            "NOISE_ROOT": self.world.noise_root,
            "NEONIZE_BOT_TAG": "off",
        }
        self._log = (self.db.parent / "neonize.log").open("ab")
        pipe = asyncio.subprocess.PIPE
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, DRIVER, env=env, pass_fds=[write_end], stdin=pipe, stdout=self._log, stderr=self._log
        )
        os.close(write_end)
        reader = asyncio.StreamReader(limit=64 << 20)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_end, "rb"))
        self._pump = asyncio.create_task(self._read(reader))
        await self.event("ready")
        await self.call("connect", db=str(self.db), proxy=self.world.proxy_url)
        return self

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            message = json.loads(line)
            if "re" in message:
                self._answers.pop(message["re"]).set_result(message)
            else:
                self.events.append(message)
            self._bell.set()

    async def call(self, cmd: str, **fields: Any) -> Any:
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        assert self.process.stdin is not None
        self.process.stdin.write((json.dumps({"cmd": cmd, "n": number, **fields}) + "\n").encode())
        message = await asyncio.wait_for(answer, NEONIZE_TIMEOUT_S)
        if "error" in message:
            raise RuntimeError(message["error"])
        return message["ok"]

    async def event(self, name: str, since: int = 0, **attrs: Any) -> dict[str, Any]:
        """The first event with this name and these fields, received already or awaited."""
        async with asyncio.timeout(NEONIZE_TIMEOUT_S):
            while True:
                for event in self.events[since:]:
                    if event["ev"] == name and all(event.get(key) == value for key, value in attrs.items()):
                        return event
                self._bell.clear()
                await self._bell.wait()

    async def kill(self) -> None:
        """kill -9."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        await self._pump
        self._log.close()


NewNeonize = Callable[[], Awaitable[Neonize]]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path / "simulator", seed=1)
    await world.start()
    yield world
    await world.stop()


@pytest.fixture
async def start(world: World, tmp_path: Path) -> AsyncIterator[NewNeonize]:
    """Starts neonize on the test's own database: a second call is a restart."""
    started: list[Neonize] = []

    async def start_one() -> Neonize:
        neonize = await Neonize(world, tmp_path / "session.sqlite").start()
        started.append(neonize)
        return neonize

    yield start_one
    for neonize in started:
        await neonize.kill()


@pytest.fixture
def phone(world: World) -> SimulatedPhone:
    return world.add_phone("4915112345678", "Anna")


@pytest.fixture
async def linked(start: NewNeonize, phone: SimulatedPhone) -> Neonize:
    """neonize, linked to the phone by QR and connected."""
    neonize = await start()
    await phone.scan((await neonize.event("qr"))["code"])
    await neonize.event("Connected")
    return neonize
