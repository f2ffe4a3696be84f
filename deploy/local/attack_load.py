"""The attackers of `bench attack`, in a process of their own: the plan comes on stdin, the outcomes go to stdout.

The plan bounds the number of connections and requests and the duration; all traffic goes to loopback.
"""

import asyncio
import json
import random
import re
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any, TextIO

import aiohttp

from deploy.local.attack_socket import AttackSocket, SocketRefused

FRAME_BYTES = 16_000_000
RECONNECT_DELAY_S = 5.0
"""On average, between two connections of one attacker after the first was refused."""
UNREAD_SOCKET_S = 12.0
"""How long a socket does not read, on average, before its attacker opens the next one.

Both delays vary by half, otherwise all attackers would open their sockets at the same moment."""
SEED = 7
SEND_WAIT_S = 2.0
MAX_CONCURRENT_SENDS = 200
_HANDSHAKE_TIMEOUT_S, _REQUEST_TIMEOUT_S = 20.0, 60.0
STARTED_LINE = "attacking\n"
"""The first line on stdout; the second is the result."""


@dataclass(frozen=True)
class AttackCounts:
    """Numbers of sockets with a large frame, sockets that resume and never read, logins and sends."""

    frames: int = 40
    resumers: int = 24
    logins: int = 300
    sends: int = 600


@dataclass(frozen=True)
class AttackPlan:
    """`front_port`: of the front server. `realtime_port`: of realtime itself, because the front server would limit
    the frames. `token`, `organization_id`, `instance_id`, `contact`: of the attackers, whose account is stuck.
    `login_seconds`, `send_seconds`: the logins and the sends begin evenly within this time.
    """

    front_port: int
    realtime_port: int
    victim_email: str
    token: str
    organization_id: str
    instance_id: str
    contact: str
    seconds: float
    login_seconds: float
    send_seconds: float
    counts: AttackCounts

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "AttackPlan":
        fields = json.loads(text)
        return cls(**fields | {"counts": AttackCounts(**fields["counts"])})


class AttackClients:
    """Runs all attacks and counts their outcomes by kind of attack."""

    def __init__(self, plan: AttackPlan) -> None:
        self.plan = plan
        self.outcomes: dict[str, Counter[str]] = {
            name: Counter()
            for name in ("large frames", "resumers that do not read", "logins", "sends to a stuck account")
        }
        self._frame = memoryview(b"4" * FRAME_BYTES)
        self._origin = f"http://127.0.0.1:{plan.front_port}"
        self._send_slots = asyncio.Semaphore(MAX_CONCURRENT_SENDS)
        self._random = random.Random(SEED)

    async def attack(self) -> None:
        """Runs all attacks concurrently until the plan's seconds are over."""
        counts, seconds = self.plan.counts, self.plan.seconds
        async with _sessions(self._origin) as sessions, asyncio.TaskGroup() as group:
            for number in range(counts.frames):
                group.create_task(_limited(seconds, self._repeat("large frames", self._large_frame, address(number))))
            for number in range(counts.resumers):
                group.create_task(
                    _limited(
                        seconds, self._repeat("resumers that do not read", self._resume_unread, address(40 + number))
                    )
                )
            for number in range(counts.logins):
                due = number / counts.logins * self.plan.login_seconds
                group.create_task(_limited(seconds, self._login(sessions[number % len(sessions)], number, due)))
            for number in range(counts.sends):
                due = number / counts.sends * self.plan.send_seconds
                group.create_task(_limited(seconds, self._send(sessions[0], number, due)))

    async def _repeat(self, name: str, attack: Callable[[str], Awaitable[None]], source: str) -> None:
        while True:
            try:
                await attack(source)
            except (SocketRefused, OSError, TimeoutError) as error:
                outcome = str(error) if isinstance(error, SocketRefused) else "closed"
                self.outcomes[name][outcome] += 1
                await self._sleep_about(RECONNECT_DELAY_S)

    async def _large_frame(self, source: str) -> None:
        """Sends an incomplete frame before any login and keeps the socket open unless the server closes it."""
        socket = await asyncio.wait_for(AttackSocket.open(self.plan.realtime_port, source), _HANDSHAKE_TIMEOUT_S)
        try:
            await socket.send_incomplete(self._frame)
            self.outcomes["large frames"]["held"] += 1
            while True:
                await socket.receive()
        finally:
            socket.abort()

    async def _resume_unread(self, source: str) -> None:
        """Requests all events since the beginning and reads none of them."""
        plan = self.plan
        async with asyncio.timeout(_HANDSHAKE_TIMEOUT_S):
            socket = await AttackSocket.open(plan.front_port, source)
            try:
                await _authenticate(socket, plan.token)
                request = ["join-organization", {"organizationId": plan.organization_id, "since": 0}]
                await socket.send("421" + json.dumps(request))
            except BaseException:
                socket.abort()
                raise
        try:
            socket.stop_reading()
            self.outcomes["resumers that do not read"]["joined"] += 1
            await self._sleep_about(UNREAD_SOCKET_S)
        finally:
            socket.abort()

    async def _sleep_about(self, seconds: float) -> None:
        await asyncio.sleep(seconds * self._random.uniform(0.5, 1.5))

    async def _login(self, session: aiohttp.ClientSession, number: int, due: float) -> None:
        """Half with e-mail addresses of no user, half with the victim's."""
        await asyncio.sleep(due)
        email = f"stranger-{number}@example.org" if number % 2 else self.plan.victim_email
        body = {"email": email, "password": f"wrong password {number}"}
        await self._request("logins", session.post("/api/auth/login", json=body))

    async def _send(self, session: aiohttp.ClientSession, number: int, due: float) -> None:
        await asyncio.sleep(due)
        body = {"to": self.plan.contact, "message": f"message {number}", "wait": SEND_WAIT_S}
        headers = {"Authorization": f"Bearer {self.plan.token}"}
        path = f"/api/whatsapp/instances/{self.plan.instance_id}/send"
        async with self._send_slots:
            await self._request("sends to a stuck account", session.post(path, json=body, headers=headers))

    async def _request(self, name: str, request: Any) -> None:
        try:
            async with request as answer:
                await answer.read()
                self.outcomes[name][str(answer.status)] += 1
        except TimeoutError:
            self.outcomes[name]["no answer"] += 1
        except (aiohttp.ClientError, OSError):
            self.outcomes[name]["closed"] += 1


def address(number: int) -> str:
    """A loopback address other than the victim's 127.0.0.1; the first 200 numbers have distinct ones."""
    return f"127.0.0.{2 + number % 200}"


async def _authenticate(socket: AttackSocket, token: str) -> None:
    """Raises SocketRefused."""
    await socket.receive()
    await socket.send("40" + json.dumps({"token": token}))
    answer = await socket.receive()
    if not answer.startswith("40"):
        raise SocketRefused((re.findall(r'"code": ?"([a-z_]+)"', answer) or ["refused"])[0])


async def _limited(seconds: float, work: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(seconds):
            await work
    except TimeoutError:
        return


@asynccontextmanager
async def _sessions(origin: str) -> AsyncIterator[list[aiohttp.ClientSession]]:
    """HTTP clients, each with its own source address."""
    limits = aiohttp.ClientTimeout(total=_REQUEST_TIMEOUT_S)
    sessions = [
        aiohttp.ClientSession(
            origin, timeout=limits, connector=aiohttp.TCPConnector(limit=0, local_addr=(address(150 + number), 0))
        )
        for number in range(10)
    ]
    try:
        yield sessions
    finally:
        for session in sessions:
            await session.close()


async def run(given: TextIO, output: TextIO) -> None:
    """Reads a plan, writes STARTED_LINE, then the outcomes and the share of a processor that this process used."""
    clients = AttackClients(AttackPlan.from_json(given.readline()))
    output.write(STARTED_LINE)
    output.flush()
    begun, used = time.monotonic(), time.process_time()
    await clients.attack()
    share = (time.process_time() - used) / (time.monotonic() - begun)
    output.write(json.dumps({"outcomes": clients.outcomes, "share": share}) + "\n")


if __name__ == "__main__":
    asyncio.run(run(sys.stdin, sys.stdout))
