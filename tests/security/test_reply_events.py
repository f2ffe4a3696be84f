"""N callers who wait for the outcome of their sends cost N events to read, not N times N."""

import asyncio
import importlib.util
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from services.realtime.send_message import send
from shared.contracts import registry
from shared.contracts.commands import SendMessage
from shared.contracts.errors import Problem
from shared.contracts.events import MessageStatusChanged
from shared.contracts.ids import new_id
from shared.contracts.message import Event
from shared.contracts.principal import Principal
from shared.contracts.records import MessageStatus
from shared.messaging.client import jetstream
from shared.messaging.command_client import CommandClient, refusal
from shared.messaging.publisher import Publisher
from shared.messaging.streams import ensure_streams
from shared.platform.settings import Settings
from tests.security.fairness_fixtures import own_nats
from tests.subscriptions import subscribed
from tests.waiting import until

WAITERS = 60
READERS = ("shared.messaging.reply_events", "shared.messaging.command_client")
"""Modules that read events for those who wait."""


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[Client]:
    async with own_nats(tmp_path) as url:
        client = await nats.connect(url)
        await ensure_streams(jetstream(client), Settings(nats_url=url))
        yield client
        await client.close()


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The address of every event that is read."""
    read: list[str] = []

    def counting(address: str, body: bytes) -> Event | None:
        read.append(address)
        return registry.parse_event(address, body)

    for module in READERS:
        if importlib.util.find_spec(module):
            monkeypatch.setattr(f"{module}.parse_event", counting, raising=False)
    return read


def changed(command: SendMessage, status: MessageStatus = MessageStatus.SENT) -> MessageStatusChanged:
    return MessageStatusChanged(
        organization_id=command.organization_id,
        instance_id="one",
        cause=new_id(),
        message_id=command.message_id,
        status=status,
    )


async def router(client: Client, answer: Any) -> list[SendMessage]:
    """Hears every send, and says `answer(command)` when all wait."""
    heard: list[SendMessage] = []

    async def hear(message: Msg) -> None:
        heard.append(SendMessage.model_validate_json(message.data))
        if len(heard) == WAITERS:
            for command in heard:
                event = answer(command)
                await client.publish(event.full_subject, event.model_dump_json().encode())

    await client.subscribe("wa.command.message.send.>", cb=hear)
    await subscribed(client)
    return heard


def principal(organization_id: str) -> Principal:
    return Principal(subject="u", organization_id=organization_id)


async def test_each_event_is_read_once_however_many_wait(client: Client, parsed: list[str]) -> None:
    asked = Client()
    await asked.connect(client.connected_url.geturl() if client.connected_url else "")
    dispatcher = CommandClient(asked, Publisher(jetstream(asked)))
    await router(client, changed)
    request = {"to": "+4915112345678", "message": "hello"}
    who = principal("acme")
    answers = await asyncio.gather(*(send(request, who, dispatcher, 30) for _ in range(WAITERS)))
    assert {answer["status"] for answer in answers} == {"sent"}
    assert len({answer["messageId"] for answer in answers}) == WAITERS
    assert len(parsed) <= WAITERS
    await asked.close()


async def test_so_many_who_wait_share_two_subscriptions_and_leave_none(client: Client) -> None:
    asked = Client()
    await asked.connect(client.connected_url.geturl() if client.connected_url else "")
    dispatcher = CommandClient(asked, Publisher(jetstream(asked)))
    most, free = 0, len(asked._subs)

    def answer(command: SendMessage) -> MessageStatusChanged:
        nonlocal most
        most = max(most, len(asked._subs))
        return changed(command)

    await router(client, answer)
    await asyncio.gather(*(_send(dispatcher) for _ in range(WAITERS)))
    assert most - free <= 4  # the outcomes, the refusals, and two that JetStream needs for itself
    await until(lambda: len(asked._subs) <= free + 2)
    await asked.close()


async def _send(dispatcher: CommandClient) -> dict[str, Any]:
    return await send({"to": "+4915112345678", "message": "hello"}, principal("acme"), dispatcher, 30)


async def test_a_refusal_reaches_its_own_caller_only(client: Client) -> None:
    dispatcher = CommandClient(client, Publisher(jetstream(client)))
    problem = Problem(429, "too_many_pending_sends", "wait", pending=1)
    first: list[str] = []

    def answer(command: SendMessage) -> Event:
        first.append(command.id)
        return refusal(command, problem) if len(first) == 1 else changed(command)

    await router(client, answer)
    answers = await asyncio.gather(*(_send(dispatcher) for _ in range(WAITERS)), return_exceptions=True)
    refused = [error for error in answers if isinstance(error, Problem)]
    assert [(error.status, error.code) for error in refused] == [(429, "too_many_pending_sends")]


async def test_one_who_gives_up_takes_no_answer_from_the_others(client: Client) -> None:
    dispatcher = CommandClient(client, Publisher(jetstream(client)))
    await router(client, changed)
    impatient = [asyncio.create_task(_send(dispatcher)) for _ in range(10)]
    await asyncio.sleep(0)
    for task in impatient:
        task.cancel()
    await asyncio.gather(*impatient, return_exceptions=True)
    answers = await asyncio.gather(*(_send(dispatcher) for _ in range(WAITERS)))
    assert {answer["status"] for answer in answers} == {"sent"}


async def test_what_is_not_looked_at_is_bounded(client: Client) -> None:
    dispatcher = CommandClient(client, Publisher(jetstream(client)))
    async with dispatcher.replies("acme", MessageStatusChanged) as answers:
        for number in range(5_000):
            event = changed(SendMessage(organization_id="acme", message_id=f"m{number}", text="x"))
            await client.publish(event.full_subject, event.model_dump_json().encode())
        await client.flush()
        most = answers._events.qsize()
        command = SendMessage(organization_id="acme", message_id="m4999", text="x")
        last = await answers.first(lambda event: getattr(event, "message_id", "") == "m4999", command, 20)
        assert last is not None
        assert most <= 1_000
