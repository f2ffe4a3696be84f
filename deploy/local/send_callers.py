"""The callers of `bench sends`: REST and sockets in a closed loop, and a burst of commands on NATS."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from deploy.local.attack_setup import api_client
from deploy.local.attack_victim import SocketIoClient
from shared.contracts.commands import SendMessage
from shared.contracts.events import CommandRefused, MessageStatusChanged
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.contracts.records import MessageStatus
from shared.messaging.client import NatsClient, NatsMessage, jetstream
from shared.messaging.publisher import Publisher

Send = Callable[[str, str, str], Awaitable[str]]
"""(instance id, number, text) → the status, or the error code, in the response to the caller."""
SENT = frozenset({MessageStatus.SENT.value, MessageStatus.DELIVERED.value, MessageStatus.READ.value})
_BURST_TIMEOUT_S = 300.0
_MAX_CONCURRENT_PUBLISHES = 256
_SOCKET_PATH = "/socket.io/?EIO=4&transport=websocket"


@dataclass
class SendSamples:
    """Seconds of each send that WhatsApp acknowledged, and the number of all others, by their status or error."""

    durations_s: list[float] = field(default_factory=list)
    others: dict[str, int] = field(default_factory=dict)
    elapsed_s: float = 0.0

    def count(self, outcome: str, duration_s: float) -> None:
        if outcome in SENT:
            self.durations_s.append(duration_s)
        else:
            self.others[outcome] = self.others.get(outcome, 0) + 1


async def closed_loop(send: Send, targets: Iterator[tuple[str, str]], callers: int, seconds: float) -> SendSamples:
    """`callers` callers send for `seconds` seconds, each its next text as soon as the one before is answered."""
    samples = SendSamples()
    started_at = time.perf_counter()

    async def call() -> None:
        while (begun := time.perf_counter()) < started_at + seconds:
            instance_id, number = next(targets)
            outcome = await send(instance_id, number, "a table for four on Friday evening, please")
            samples.count(outcome, time.perf_counter() - begun)

    await asyncio.gather(*(call() for _ in range(callers)))
    samples.elapsed_s = time.perf_counter() - started_at
    return samples


@asynccontextmanager
async def rest_sender(ready: dict[str, Any]) -> AsyncIterator[Send]:
    """Sends by `POST …/send` through the front server."""
    headers = {"Authorization": f"Bearer {ready['token']}"}
    async with api_client(ready["api"]) as api:

        async def send(instance_id: str, number: str, text: str) -> str:
            path, body = f"/api/whatsapp/instances/{instance_id}/send", {"to": number, "message": text}
            async with api.post(path, json=body, headers=headers) as response:
                answer = await response.json()
                return str(answer.get("status") if response.ok else answer.get("code"))

        yield send


@asynccontextmanager
async def socket_sender(ready: dict[str, Any], sockets: int) -> AsyncIterator[Send]:
    """Sends by `send_message` over sockets through the front server, each socket in turn."""
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(api_client(ready["realtime"]))
        clients = [await _connected(api, ready["token"]) for _ in range(sockets)]
        for client in clients:
            stack.push_async_callback(client.close)
        idle = list(clients)

        async def send(instance_id: str, number: str, text: str) -> str:
            client = idle.pop()
            try:
                data = {"instanceId": instance_id, "to": number, "message": text}
                answer = await client.call("send_message", data)
                return str(answer.get("status") if answer.get("success") else answer.get("code"))
            finally:
                idle.append(client)

        yield send


async def _connected(api: Any, token: str) -> SocketIoClient:
    socket = await api.ws_connect(_SOCKET_PATH)
    await socket.receive()
    await socket.send_str(f'40{{"token":"{token}"}}')
    await socket.receive()
    return SocketIoClient(socket)


class CommandBurst:
    """Publishes SendMessage commands as fast as NATS stores them, and waits for the outcome of each."""

    def __init__(self, client: NatsClient, organization_id: str) -> None:
        self._client = client
        self._publish = Publisher(jetstream(client))
        self._organization_id = organization_id
        self._begun: dict[str, float] = {}
        self._samples = SendSamples()
        self._complete = asyncio.Event()
        self._remaining = 0

    async def run(self, targets: Iterator[tuple[str, str]], count: int) -> SendSamples:
        """Sends `count` texts. Those without an outcome after _BURST_TIMEOUT_S seconds count as `no outcome`."""
        self._remaining = count
        subscriptions = [
            await self._client.subscribe(event.subject_filter(self._organization_id), cb=self._on_event)
            for event in (MessageStatusChanged, CommandRefused)
        ]
        await self._client.flush()
        started_at = time.perf_counter()
        slots = asyncio.Semaphore(_MAX_CONCURRENT_PUBLISHES)

        async def publish(instance_id: str, number: str) -> None:
            async with slots:
                message_id = new_id()
                self._begun[message_id] = time.perf_counter()
                await self._publish(
                    SendMessage(
                        organization_id=self._organization_id,
                        instance_id=instance_id,
                        message_id=message_id,
                        to=number,
                        text="your table is ready",
                        at=utc_now(),
                    )
                )

        await asyncio.gather(*(publish(*next(targets)) for _ in range(count)))
        try:
            await asyncio.wait_for(self._complete.wait(), _BURST_TIMEOUT_S)
        except TimeoutError:
            self._samples.others["no outcome"] = self._remaining
        self._samples.elapsed_s = time.perf_counter() - started_at
        for subscription in subscriptions:
            await subscription.unsubscribe()
        return self._samples

    async def _on_event(self, message: NatsMessage) -> None:
        now = time.perf_counter()
        if message.subject.startswith(CommandRefused.subject):
            self._count(CommandRefused.from_nats(message.subject, message.data).code, None, now)
            return
        event = MessageStatusChanged.from_nats(message.subject, message.data)
        if event.status is not MessageStatus.QUEUED and event.message_id in self._begun:
            self._count(event.status.value, self._begun.pop(event.message_id), now)

    def _count(self, outcome: str, begun: float | None, now: float) -> None:
        self._samples.count(outcome, now - (begun or now))
        self._remaining -= 1
        if self._remaining <= 0:
            self._complete.set()
