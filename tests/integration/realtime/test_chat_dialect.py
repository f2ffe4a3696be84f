"""The chat dialect: the examples of its front end's documentation, with the JavaScript client; the test is the api."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from shared.contracts.message import Query
from shared.contracts.queries import (
    ListContacts,
    MessagesBetween,
    ReadConversation,
    ReadDefaultInstance,
    ReadInstance,
    RequestQr,
)
from tests.integration.realtime.conftest import token
from tests.integration.realtime.javascript import page
from tests.subscriptions import subscribed

OWNER, CUSTOMER = "442071838750", "442079460018"
Answers = Callable[[dict[str, Any]], dict[str, Any]]
CONTACT = {"id": "c1", "phone_number": CUSTOMER, "name": "Zoe", "created_at": "2026-11-01T00:00:00Z"}


async def api(nats: Client, question: type[Query], answers: Answers) -> None:
    async def respond(message: Msg) -> None:
        await message.respond(json.dumps(answers(json.loads(message.data))).encode())

    await nats.subscribe(question.subject_filter("chat"), cb=respond)
    await subscribed(nats)


def not_found(_: object) -> dict[str, Any]:
    return {"success": False, "status": 404, "code": "conversation_not_found", "detail": "there is none"}


async def test_get_contacts_gives_all_of_them_in_camel_case(realtime: str, nats: Client) -> None:
    def contacts(query: dict[str, Any]) -> dict[str, Any]:
        return {"success": True, "data": [CONTACT], "next_cursor": None if query["cursor"] else "more"}

    await api(nats, ListContacts, contacts)
    async with page(realtime, token("chat")) as front:
        answer = await front.call("get_contacts", {})
        assert answer["success"] is True
        answer_of = {"id": "c1", "phoneNumber": CUSTOMER, "name": "Zoe", "createdAt": "2026-11-01T00:00:00Z"}
        assert answer["data"] == [answer_of, answer_of]
        assert front.payloads_of("contacts_response") == [answer]
        assert (await front.call("get_contacts", {"limit": 1}))["nextCursor"] == "more"


async def test_get_messages_between_two_numbers_in_any_format(realtime: str, nats: Client) -> None:
    queries: list[dict[str, Any]] = []

    def between(query: dict[str, Any]) -> dict[str, Any]:
        queries.append(query)
        return {"success": True, "data": [{"id": "m", "content": "hi", "isOutgoing": False}], "nextOffset": None}

    await api(nats, MessagesBetween, between)
    async with page(realtime, token("chat")) as front:
        numbers = {"fromNumber": f"+{OWNER}", "toNumber": "+44 20 7946 0018"}
        answer = await front.call("get_messages_between", {**numbers, "limit": 20, "offset": 40})
        assert answer["data"] == [{"id": "m", "content": "hi", "isOutgoing": False}]
        assert front.payloads_of("messages_between_response") == [answer]
    assert [queries[0][key] for key in ("one", "other", "limit", "offset")] == [OWNER, CUSTOMER, 20, 40]


@pytest.mark.parametrize(
    ("event", "data", "response_event", "field"),
    [
        ("get_messages_between", {"fromNumber": "11999887766", "toNumber": OWNER}, "messages_between_response", "from"),
        ("get_messages_between", {"fromNumber": OWNER}, "messages_between_response", "toNumber"),
        ("get_contacts", "all", "contacts_response", "object"),
        ("get_connection_status", {"instanceId": "Not A Slug"}, "connection_status", "instanceId"),
    ],
)
async def test_an_invalid_request_is_answered_with_the_wrong_field(
    realtime: str, event: str, data: Any, response_event: str, field: str
) -> None:
    async with page(realtime, token("chat")) as front:
        answer = await front.call(event, data)
        assert (answer["success"], answer["code"]) == (False, "invalid_payload")
        assert field in answer["error"]
        assert front.payloads_of(response_event) == [answer]


async def test_the_connection_status_of_the_oldest_or_a_named_account(realtime: str, nats: Client) -> None:
    state = {"status": "connected", "reason": None, "detail": None}
    oldest = {**state, "success": True, "instanceId": "old", "phoneNumber": OWNER, "lastConnectedAt": None}
    named = {**state, "id": "new", "status": "qr_pending", "phone_number": None, "last_connected_at": None}
    await api(nats, ReadDefaultInstance, lambda _: oldest)
    await api(nats, ReadInstance, lambda _: {"success": True, "instance": named})
    async with page(realtime, token("chat")) as front:
        first = (await front.call("get_connection_status"))["data"]
        assert (first["instanceId"], first["isConnected"], first["phoneNumber"]) == ("old", True, OWNER)
        second = (await front.call("get_connection_status", {"instanceId": "new"}))["data"]
        assert (second["instanceId"], second["isConnected"], second["status"]) == ("new", False, "qr_pending")
        assert [response_event["data"]["instanceId"] for response_event in front.payloads_of("connection_status")] == [
            "old",
            "new",
        ]


async def test_joining_a_conversation_fails_when_there_is_none(realtime: str, nats: Client) -> None:
    conversation = {"id": "mine", "instance_id": "one", "contact": None}

    def answer_conversation(query: dict[str, Any]) -> dict[str, Any]:
        return {"success": True, "data": conversation} if query["conversation_id"] == "mine" else not_found(query)

    await api(nats, ReadConversation, answer_conversation)
    async with page(realtime, token("chat")) as front:
        assert await front.call("join_conversation", {"conversationId": "mine"}) == {"success": True}
        assert await front.call("leave_conversation", {"conversationId": "mine"}) == {"success": True}
        assert await front.call("join_conversation", "mine") == {"success": True}
        assert await front.call("leave_conversation", "mine") == {"success": True}
        assert (await front.call("join_conversation", {"conversationId": "theirs"}))["code"] == "conversation_not_found"


async def test_without_an_api_the_answer_is_retryable(realtime: str) -> None:
    async with page(realtime, token("nobody")) as front:
        answer = await front.call("get_contacts", {})
        assert (answer["code"], answer["retryable"]) == ("nobody_answers", True)


async def test_the_qr_code_needs_the_scope_manage(realtime: str, nats: Client) -> None:
    queries: list[dict[str, Any]] = []
    code = {"qrCode": "data:image/png;base64,iVBORw0KGgo=", "qr": "2@abc", "status": "qr_pending", "instanceId": "one"}

    def answer_of(query: dict[str, Any]) -> dict[str, Any]:
        queries.append(query)
        return {"success": True, "data": code}

    await api(nats, RequestQr, answer_of)
    async with page(realtime, token("chat")) as front:
        answer = await front.call("get_qr_code", {"forceNew": True, "instanceId": "one"})
        assert answer == {"success": True, "data": code}
        assert (await front.call("get_qr_code", {}))["success"] is True
        assert front.payloads_of("qr_code_response") == [answer, answer]
    assert [(query["instance_id"], query["force_new"]) for query in queries] == [("one", True), ("-", False)]
    async with page(realtime, token("chat", scopes=frozenset({"read"}))) as front:
        assert (await front.call("get_qr_code", {}))["code"] == "scope_missing"
