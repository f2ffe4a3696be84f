"""A front end in JavaScript: the vendored Socket.IO client in node, driven by the test."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
CLIENT = HERE.parents[2] / "services/api/console/vendor/socket.io.esm.min.js"
WAIT_TIMEOUT_S = 60.0


class Page:
    """`received`: every event with its arguments, in order."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._more = asyncio.Event()
        self.received: list[list[Any]] = []

    async def emit(self, event: str, *arguments: Any) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps([event, *arguments]).encode() + b"\n")
        await self._process.stdin.drain()

    async def call(self, event: str, *arguments: Any) -> Any:
        """The acknowledgement."""
        since = len(self.received)
        await self.emit(event, *arguments)
        return (await self.wait("ack", event, since=since))[2]

    async def wait(self, *first: Any, since: int = 0) -> list[Any]:
        """The first event received from index `since` on that begins with these."""
        async with asyncio.timeout(WAIT_TIMEOUT_S):
            while True:
                for line in self.received[since:]:
                    if tuple(line[: len(first)]) == first:
                        return line
                self._more.clear()
                await self._more.wait()

    def payloads_of(self, event: str) -> list[Any]:
        """The first argument of each event of this name."""
        return [line[1] for line in self.received if line[0] == event]

    async def read_forever(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            self.received.append(json.loads(line))
            self._more.set()


@asynccontextmanager
async def page(url: str, token: str) -> AsyncIterator[Page]:
    """A connected page."""
    node = shutil.which("node")
    if node is None:
        pytest.fail("node runs the JavaScript client of these tests; install it: apt-get install nodejs")
    command = [node, "--no-warnings", "--experimental-websocket", str(HERE / "page.mjs"), str(CLIENT), url, token]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    connected = Page(process)
    reading = asyncio.create_task(connected.read_forever())
    try:
        await connected.wait("connect")
        yield connected
    finally:
        assert process.stdin
        process.stdin.close()
        await process.wait()
        await reading
