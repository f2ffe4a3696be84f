"""The requester chooses the reply subject, but servers may publish to more subjects: replies go to inboxes only."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from services.api.nats.access_queries import access_endpoints
from services.session.supervisor.number_queries import number_endpoints
from shared.contracts.message import Message
from shared.contracts.queries import NumberOwner, ResolveNumber, VerifyApiKey
from shared.messaging.reply_subjects import is_inbox
from shared.messaging.rpc_server import rpc_server
from tests.nats_messages import MESSAGES
from tests.subscriptions import subscribed

ELSEWHERE = (
    "wa.command.message.send.victim.one",
    "wa.command.session.send.victim.one",
    "wa.event.message.received.victim.one",
    "wa.dead.wa.event.message.received.victim.one",
    "$JS.API.STREAM.PURGE.WA_EVENTS",
    "$JS.ACK.WA_EVENTS.x.1.1.1.1.1",
    "$KV.WA_LEASES.node",
    "_INBOX_session.session-do-session-send",
    "_INBOX",
    "_inbox.abc",
    "x_INBOX.abc",
)


@dataclass
class Counted:
    """An endpoint; `subjects` of the requests that it handled."""

    message_class: type[Message] = MESSAGES.ListUsers
    is_slow: bool = False
    subjects: list[str] = field(default_factory=list)

    def accepts(self, organization_id: str, instance_id: str) -> bool:
        return True

    async def respond(self, subject: str, body: bytes) -> bytes:
        self.subjects.append(subject)
        return b'{"success": true}'


class NoKeys:
    """Instead of the collection of API keys: has none."""

    def aggregate(self, steps: object) -> "NoKeys":
        return self

    async def to_list(self, length: int) -> list[object]:
        return []


class NoLimits:
    """Instead of the failure budget of an address."""

    async def count_failure(self, database: object, address: str) -> float:
        return 0.0


class NumberLookupStub:
    """Instead of the accounts of a node: holds every instance."""

    def is_responsible_for(self, organization_id: str, instance_id: str) -> bool:
        return True

    async def look_up(self, query: ResolveNumber) -> NumberOwner:
        return NumberOwner.model_construct()


def servers(client: Client) -> dict[type[Message], AbstractAsyncContextManager[None]]:
    database: Any = SimpleNamespace(api_keys=NoKeys())
    rates: Any = NoLimits()
    numbers: Any = NumberLookupStub()
    return {
        MESSAGES.ListUsers: rpc_server(client, [Counted()], queue="api"),
        VerifyApiKey: rpc_server(client, access_endpoints(database, rates), queue="api"),
        ResolveNumber: rpc_server(client, number_endpoints(numbers)),
    }


BODIES = {MESSAGES.ListUsers: b"{}", VerifyApiKey: b'{"organization_id": "unknown", "key": "k"}', ResolveNumber: b"{}"}


@pytest.fixture
async def client(nats_url: str) -> AsyncIterator[Client]:
    client = Client()
    await client.connect(nats_url)
    yield client
    await client.close()


@pytest.mark.parametrize("question", list(BODIES), ids=lambda cls: cls.__name__)
async def test_a_reply_goes_only_to_inboxes(client: Client, nats_url: str, question: type[Message]) -> None:
    heard = list[str]()

    async def hear(message: Msg) -> None:
        heard.append(message.subject)

    asker = Client()
    await asker.connect(nats_url)
    async with servers(client)[question]:
        await subscribed(client)
        for subject in ELSEWHERE:
            await asker.subscribe(subject, cb=hear)
        await subscribed(asker)
        address, body = question.subject_filter("acme", "one"), BODIES[question]
        for subject in ELSEWHERE:
            await asker.publish(address, body, reply=subject)
        # questions of one connection are taken in order: with this answer those before have been taken, too
        answer = await asker.request(address, body, timeout=20)
        assert answer.data
        await subscribed(client)
        await subscribed(asker)
    await asker.close()
    assert heard == []


async def test_a_request_without_a_valid_reply_subject_is_not_carried_out(client: Client) -> None:
    """A write whose answer goes elsewhere would be done all the same."""
    endpoint = Counted()
    async with rpc_server(client, [endpoint], queue="api"):
        await client.publish(
            MESSAGES.ListUsers.subject_filter("acme", "-"), b"{}", reply="wa.command.message.send.victim.one"
        )
        await client.publish(MESSAGES.ListUsers.subject_filter("acme", "-"), b"{}")
        await asyncio.wait_for(client.request(MESSAGES.ListUsers.subject_filter("other", "-"), b"{}", timeout=20), 30)
    assert endpoint.subjects == [MESSAGES.ListUsers.subject_filter("other", "-")]


@pytest.mark.parametrize("subject", ["_INBOX.a1.b2", "_INBOX_api.Xy9", "_INBOX_organization-acme.a.b", "_INBOX_a_b.c"])
def test_the_inboxes_of_client_libraries_are_answered(subject: str) -> None:
    assert is_inbox(subject)


@pytest.mark.parametrize("subject", ["", "_INBOX.*", "_INBOX.>", "_INBOX.a.", "_INBOX.a b", "_INBOX.a\n", *ELSEWHERE])
def test_everything_else_is_not(subject: str) -> None:
    assert not is_inbox(subject)
