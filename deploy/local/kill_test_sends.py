"""The sends of a kill-test round, over REST and NATS: each with a text of its own, repeated until it is answered."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from deploy.local.attack_setup import api_client
from deploy.local.kill_test_send_counts import ACCEPTED, UNANSWERED
from shared.contracts.commands import SendMessage
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.messaging.client import NATS_OUTAGE_ERRORS, NatsClient, jetstream
from shared.messaging.publisher import Publisher

_REPEAT_FOR_S = 90.0
"""A caller that was not answered for so long gives up."""
_REQUEST_TIMEOUT_S = 30.0
_PAUSE_S = 1.0
"""Before a request is repeated whose answer names no pause."""
_NATS_SHARE = 4
"""One of so many sends is a command on NATS."""
_RECORDED_FAILURES = frozenset({"message_failed", "message_unconfirmed"})
"""Error codes of messages that were accepted before they failed."""


@dataclass
class SendRequest:
    """One send. `key`: its Idempotency-Key over REST, its message id on NATS. command_id: of the command on NATS."""

    instance_id: str
    number: str
    key: str = field(default_factory=new_id)
    text: str = field(default_factory=lambda: f"kill-test {new_id()}")
    answer: str = UNANSWERED
    command_id: str | None = None


@dataclass(frozen=True)
class SendCallers:
    """Callers over REST and on NATS, who send from each of the accounts in turn."""

    api: aiohttp.ClientSession
    headers: dict[str, str]
    nats: NatsClient
    organization_id: str
    targets: Iterator[tuple[str, str]]

    async def send_all(self, rate: float, seconds: float) -> list[SendRequest]:
        """Starts `rate` sends per second for `seconds`; a slow one does not delay those after it."""
        clock = asyncio.get_running_loop().time
        begun, requests = clock(), [SendRequest(*next(self.targets)) for _ in range(round(rate * seconds))]
        async with asyncio.TaskGroup() as group:
            for place, request in enumerate(requests):
                await asyncio.sleep(max(0.0, begun + place / rate - clock()))
                send = self._send_command if place % _NATS_SHARE == _NATS_SHARE - 1 else self._send_over_rest
                group.create_task(_give_up_in_time(send(request)))
        return requests

    async def _send_over_rest(self, request: SendRequest) -> None:
        while request.answer == UNANSWERED:
            pause_s = _PAUSE_S
            with suppress(aiohttp.ClientError, TimeoutError, ValueError):
                request.answer, pause_s = await self._post(request)
            if request.answer == UNANSWERED:
                await asyncio.sleep(pause_s)

    async def _post(self, request: SendRequest) -> tuple[str, float]:
        """(answer, seconds until the request may be repeated). As `docs/errors.md` says, a response with Retry-After
        may be repeated; so may any other of a server that failed."""
        path = f"/api/whatsapp/instances/{request.instance_id}/send"
        body, headers = {"to": request.number, "message": request.text}, {"Idempotency-Key": request.key}
        async with self.api.post(path, json=body, headers=self.headers | headers) as response:
            code = (await response.json()).get("code")
            if response.ok or code in _RECORDED_FAILURES:
                return ACCEPTED, 0.0
            pause = response.headers.get("Retry-After")
            return UNANSWERED if pause or response.status >= 500 else str(code), float(pause or _PAUSE_S)

    async def _send_command(self, request: SendRequest) -> None:
        """Accepted means: NATS has stored the command. A refusal is found later in the event stream."""
        publish = Publisher(jetstream(self.nats))
        command = SendMessage(
            organization_id=self.organization_id,
            instance_id=request.instance_id,
            message_id=request.key,
            to=request.number,
            text=request.text,
            at=utc_now(),
        )
        request.command_id = command.id
        while request.answer == UNANSWERED:
            try:
                await publish(command)
                request.answer = ACCEPTED
            except NATS_OUTAGE_ERRORS:
                await asyncio.sleep(_PAUSE_S)


async def _give_up_in_time(send: Any) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(send, _REPEAT_FOR_S)


async def _ignore(_: Exception) -> None:
    """NATS is killed on purpose; the library would print each attempt to reach it."""


@asynccontextmanager
async def send_callers(ready: dict[str, Any], targets: Iterator[tuple[str, str]]) -> AsyncIterator[SendCallers]:
    """Callers of a running stack. targets: see `send_accounts.targets`."""
    nats = NatsClient()
    await nats.connect(ready["nats"], error_cb=_ignore, max_reconnect_attempts=-1, reconnect_time_wait=1)
    headers = {"Authorization": f"Bearer {ready['token']}"}
    try:
        async with api_client(ready["api"], _REQUEST_TIMEOUT_S) as api:
            yield SendCallers(api, headers, nats, ready["organization_id"], targets)
    finally:
        await nats.close()
