"""The victim of `bench attack`: an organization that logs in, joins and sends at a steady rate, and is timed."""

import asyncio
import json
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any

import aiohttp

from deploy.local.attack_report import OPERATIONS, Samples
from deploy.local.attack_setup import PASSWORD, LinkedOrganization, api_client

REQUEST_TIMEOUT_S = 75.0
"""After this time a request of the victim counts as lost."""
SEND_WAIT_S = 30.0
RESUME_AFTER_JOINS = 8
"""A joining socket resumes after the newest event of this many joins before."""
_SOCKET_PATH = "/socket.io/?EIO=4&transport=websocket"


class RequestFailed(Exception):
    """A request of the victim failed. late: only after a long wait, so its duration counts too."""

    def __init__(self, reason: str, late: bool = False) -> None:
        super().__init__(reason)
        self.late = late


class SocketIoClient:
    """One Socket.IO connection; acknowledgements may come in any order."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._call_ids = socket, count(1)
        self._pending: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._reader = asyncio.create_task(self._read())

    @property
    def open(self) -> bool:
        return not self._reader.done()

    async def call(self, event: str, data: Any) -> dict[str, Any]:
        """The acknowledgement. Raises RequestFailed when the connection ends before it."""
        number = str(next(self._call_ids))
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._pending[number] = answer
        try:
            await self._socket.send_str(f"42{number}" + json.dumps([event, data]))
            return await answer
        finally:
            self._pending.pop(number, None)

    async def close(self) -> None:
        self._reader.cancel()
        await self._socket.close()

    async def _read(self) -> None:
        try:
            while (message := await self._socket.receive()).type is aiohttp.WSMsgType.TEXT:
                text = message.data
                if text == "2":
                    await self._socket.send_str("3")
                elif text.startswith("43"):
                    start = text.index("[")
                    if answer := self._pending.get(text[2:start]):
                        answer.set_result(json.loads(text[start:])[0])
        finally:
            for pending in self._pending.values():
                if not pending.done():
                    pending.set_exception(RequestFailed("socket closed"))


class VictimClient:
    """The victim's requests, over HTTP and over one socket that stays open for the sends."""

    def __init__(self, origin: str, api: aiohttp.ClientSession, organization: LinkedOrganization) -> None:
        self._origin, self._api, self._organization = origin, api, organization
        self._token = organization.token
        self._channel: SocketIoClient | None = None
        self._opening = asyncio.Lock()
        self._sequences = deque[int]([0], maxlen=RESUME_AFTER_JOINS)
        self._operations: dict[str, Callable[[], Awaitable[None]]] = dict(
            zip(OPERATIONS, (self.log_in, self.join, self.send_rest, self.send_socket), strict=True)
        )

    async def work(self, rate: float, seconds: float) -> dict[str, Samples]:
        """Starts each operation `rate` times per second; a slow one does not delay those after it."""
        phase = {operation: Samples() for operation in OPERATIONS}
        loop, begun = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            for number in range(round(rate * seconds)):
                for place, (operation, act) in enumerate(self._operations.items()):
                    due = begun + (number + place / len(OPERATIONS)) / rate
                    await asyncio.sleep(max(0.0, due - loop.time()))
                    group.create_task(_measure(phase[operation], act))
        return phase

    async def log_in(self) -> None:
        body = {"email": self._organization.email, "password": PASSWORD}
        async with self._api.post("/api/auth/login", json=body) as answer:
            if answer.status != 200:
                raise await _failure_of(answer)
            self._token = (await answer.json())["token"]

    async def join(self) -> None:
        """Opens a new socket and waits until the server has sent the events after `since`."""
        channel = await self._connected()
        try:
            data = {"organizationId": self._organization.id, "since": self._sequences[0]}
            answer = await channel.call("join-organization", data)
        finally:
            await channel.close()
        if not answer.get("success"):
            raise RequestFailed(str(answer.get("code")))
        self._sequences.append(answer["sequence"])

    async def send_rest(self) -> None:
        body = {"to": self._organization.contact, "message": "a table for four, please", "wait": SEND_WAIT_S}
        path = f"/api/whatsapp/instances/{self._organization.instance_id}/send"
        async with self._api.post(path, json=body, headers=self._organization.headers) as answer:
            if answer.status not in (200, 202):
                raise await _failure_of(answer)
            _require_sent(await answer.json())

    async def send_socket(self) -> None:
        async with self._opening:
            if self._channel is None or not self._channel.open:
                self._channel = await self._connected()
            channel = self._channel
        data = {"to": self._organization.contact, "message": "on Friday", "instanceId": self._organization.instance_id}
        answer = await channel.call("send_message", data)
        if not answer.get("success"):
            raise RequestFailed(str(answer.get("code")))
        _require_sent(answer)

    async def close(self) -> None:
        if self._channel:
            await self._channel.close()

    async def _connected(self) -> SocketIoClient:
        socket = await self._api.ws_connect(_SOCKET_PATH)
        try:
            await socket.receive_str()
            await socket.send_str("40" + json.dumps({"token": self._token}))
            if not (await socket.receive_str()).startswith("40"):
                raise RequestFailed("handshake refused")
        except BaseException:
            await socket.close()
            raise
        return SocketIoClient(socket)


@asynccontextmanager
async def connected_victim(origin: str, organization: LinkedOrganization) -> AsyncIterator[VictimClient]:
    """The victim, with the source address 127.0.0.1."""
    async with api_client(origin, REQUEST_TIMEOUT_S) as api:
        victim = VictimClient(origin, api, organization)
        try:
            yield victim
        finally:
            with suppress(ConnectionError):
                await victim.close()


async def _measure(samples: Samples, act: Callable[[], Awaitable[None]]) -> None:
    begun = time.perf_counter()
    try:
        async with asyncio.timeout(REQUEST_TIMEOUT_S):
            await act()
    except RequestFailed as failure:
        samples.failures[str(failure)] += 1
        if not failure.late:
            return
    except TimeoutError:
        samples.failures["no answer"] += 1
    except (aiohttp.ClientError, OSError, TypeError) as error:  # TypeError: a closed socket instead of a text
        samples.failures[type(error).__name__] += 1
        return
    samples.durations_ms.append(1000 * (time.perf_counter() - begun))


async def _failure_of(answer: aiohttp.ClientResponse) -> RequestFailed:
    """The failure of an error response: its status and code."""
    try:
        code = str((await answer.json(content_type=None))["code"])
    except (ValueError, KeyError, TypeError):
        code = "without a code"
    return RequestFailed(f"{answer.status} {code}")


def _require_sent(answer: dict[str, Any]) -> None:
    """Raises RequestFailed when the message is still queued after the server's wait."""
    if answer["status"] == "queued":
        raise RequestFailed("still queued", late=True)
