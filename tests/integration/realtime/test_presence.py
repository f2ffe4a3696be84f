"""Typing, presence and read receipts, between sockets and NATS; the test is the api and the router."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from shared.contracts.commands import MarkConversationRead
from shared.contracts.ephemeral import MAX_EPHEMERAL_AGE, ContactPresence, ContactTyping, SendTyping, SubscribePresence
from shared.contracts.events import ConversationUpdated
from shared.contracts.ids import new_id
from shared.contracts.message import Query, utc_now
from shared.contracts.queries import ReadConversation, ReadMessage
from shared.contracts.records import ConversationRecord, Party, Seen
from shared.messaging.publisher import Publisher, publish_ephemeral
from tests.integration.realtime.conftest import Browser, browser, token
from tests.subscriptions import subscribed
from tests.waiting import until

AT = utc_now()


@pytest.fixture
def acme() -> str:
    return f"o{new_id()[:12]}"


@pytest.fixture
async def open_browser(realtime: str, acme: str) -> AsyncIterator[Browser]:
    async with browser(realtime, token(acme)) as client:
        await client.call("join-organization", acme)
        yield client


async def answer_queries(nats: Client, question: type[Query], organization_id: str, answers: dict[str, Any]) -> None:
    """Answers by the id in the query; for other ids there is no conversation."""
    missing = {"success": False, "status": 404, "code": "conversation_not_found", "detail": "there is none"}

    async def respond(message: Msg) -> None:
        router_task = json.loads(message.data)
        data = answers.get(router_task.get("conversation_id") or router_task.get("message_id"))
        await message.respond(json.dumps({"success": True, "data": data} if data else missing).encode())

    await nats.subscribe(question.subject_filter(organization_id), cb=respond)
    await subscribed(nats)


def conversation(contact: Any = None) -> dict[str, Any]:
    contact = contact or {"phone_number": "4915112345678", "lid": "77"}
    return {"id": "v", "instance_id": "one", "contact": contact, "updated_at": AT.isoformat(), "order_key": 7}


async def subscribe(nats: Client, pattern: str) -> "asyncio.Queue[Msg]":
    messages: asyncio.Queue[Msg] = asyncio.Queue()
    await nats.subscribe(pattern, cb=messages.put)
    await subscribed(nats)
    return messages


async def next_of(messages: "asyncio.Queue[Msg]") -> Msg:
    async with asyncio.timeout(10):
        return await messages.get()


async def test_typing_and_presence_of_a_contact_reach_only_their_organization(
    realtime: str, nats: Client, acme: str, open_browser: Browser
) -> None:
    async with browser(realtime, token("others")) as others:
        await others.call("join-organization", "others")
        common: dict[str, Any] = {
            "organization_id": acme,
            "instance_id": "one",
            "contact_id": "c",
            "conversation_id": "v",
            "from_address": "4915112345678",
        }
        late = utc_now() - MAX_EPHEMERAL_AGE - timedelta(seconds=1)
        await publish_ephemeral(nats, ContactTyping(**common, state="recording", at=late))
        await nats.publish(ContactTyping(**common, state="paused").full_subject, b"{}")
        await publish_ephemeral(nats, ContactTyping(**common, state="composing"))
        await publish_ephemeral(nats, ContactPresence(**common, available=True))
        await until(lambda: open_browser.payloads_of("presence"))
        (typing,) = open_browser.payloads_of("typing")
        assert (typing["conversationId"], typing["contactId"], typing["state"]) == ("v", "c", "composing")
        assert others.received == []


async def test_typing_at_a_socket_is_sent_to_the_contact(nats: Client, acme: str, open_browser: Browser) -> None:
    await answer_queries(nats, ReadConversation, acme, {"v": conversation()})
    messages = await subscribe(nats, SendTyping.subject_filter(acme))
    for event, data, state in (
        ("typing", {}, "composing"),
        ("typing", {"isTyping": False}, "paused"),
        ("typing", {"state": "recording"}, "recording"),
        ("stop_typing", {}, "paused"),
    ):
        assert await open_browser.call(event, {"conversationId": "v", **data}) == {"success": True}
        message = await next_of(messages)
        typing = SendTyping.from_nats(message.subject, message.data)
        assert (typing.state, typing.to, typing.instance_id) == (state, Party(phone="4915112345678", lid="77"), "one")


@pytest.mark.parametrize("event", ["presence_subscribe", "join_conversation"])
async def test_opening_a_conversation_subscribes_to_the_contacts_presence(
    nats: Client, acme: str, open_browser: Browser, event: str
) -> None:
    await answer_queries(nats, ReadConversation, acme, {"v": conversation()})
    messages = await subscribe(nats, SubscribePresence.subject_filter(acme))
    assert await open_browser.call(event, {"conversationId": "v"}) == {"success": True}
    message = await next_of(messages)
    assert SubscribePresence.from_nats(message.subject, message.data).to.lid == "77"


async def test_invalid_requests_are_answered_with_their_error(
    nats: Client, realtime: str, acme: str, open_browser: Browser
) -> None:
    await answer_queries(nats, ReadConversation, acme, {"v": conversation()})
    for event in ("typing", "stop_typing", "presence_subscribe", "mark_read"):
        assert (await open_browser.call(event, {"conversationId": "x"}))["code"] == "conversation_not_found"
        assert (await open_browser.call(event, "v"))["code"] == "invalid_payload"
    assert (await open_browser.call("mark_read", {}))["code"] == "invalid_payload"
    assert (await open_browser.call("typing", {"conversationId": "v", "state": "thinking"}))["field"] == "state"
    async with browser(realtime, token(acme, scopes=frozenset({"read"}))) as reader:
        assert (await reader.call("typing", {"conversationId": "v"}))["code"] == "scope_missing"
        assert (await reader.call("mark_read", {"conversationId": "v"}))["code"] == "scope_missing"


async def test_a_conversation_is_marked_read_up_to_its_order_key(
    nats: Client, js: JetStreamContext, acme: str, open_browser: Browser
) -> None:
    await answer_queries(nats, ReadConversation, acme, {"v": conversation()})
    router_task = asyncio.create_task(router(nats, js, acme, 1))
    answer = await open_browser.call("mark_read", {"conversationId": "v"})
    assert answer == {"success": True, "data": [{"conversationId": "v", "unreadCount": 2}]}
    (command,) = await router_task
    assert (command.conversation_id, command.by) == ("v", "user")
    assert command.seen == Seen(order_key=7)


async def test_messages_are_marked_read_up_to_the_newest_of_them(
    nats: Client, js: JetStreamContext, acme: str, open_browser: Browser
) -> None:
    def message(name: str, conversation_id: str, order_key: int) -> dict[str, Any]:
        place = {"conversation_id": conversation_id, "instance_id": "one", "order_key": order_key}
        return {"id": name, "timestamp": AT.isoformat(), **place}

    messages = {
        "a": message("a", "v", 0),
        "b": message("b", "v", 5),
        "b2": message("b2", "v", 6),
        "w": message("w", "w", 1),
    }
    await answer_queries(nats, ReadMessage, acme, messages)
    router_task = asyncio.create_task(router(nats, js, acme, 2))
    answer = await open_browser.call("mark_read", {"messageIds": ["b", "a", "b2", "w", "a"]})
    assert [each["conversationId"] for each in answer["data"]] == ["v", "w"]
    marks = {command.conversation_id: command.seen for command in await router_task}
    assert marks == {"v": Seen(order_key=6), "w": Seen(order_key=1)}
    missing = await open_browser.call("mark_read", {"messageIds": ["x"]})
    assert missing["code"] == "conversation_not_found"


async def router(nats: Client, js: JetStreamContext, acme: str, count: int) -> list[MarkConversationRead]:
    """Answers `count` commands and returns them."""
    messages, commands = await subscribe(nats, MarkConversationRead.subject_filter(acme)), []
    for _ in range(count):
        message = await next_of(messages)
        command = MarkConversationRead.from_nats(message.subject, message.data)
        commands.append(command)
        record = ConversationRecord(
            id=command.conversation_id,
            organization_id=acme,
            instance_id="one",
            contact_id="c",
            unread_count=2,
            updated_at=AT,
        )
        ids = {"organization_id": acme, "instance_id": "one", "cause": command.id}
        await Publisher(js)(ConversationUpdated.model_validate({**ids, "conversation": record}))
    return commands
