"""Sends: how long they wait, idempotency keys, and refusals."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.contracts.commands import SendMessage
from shared.contracts.errors import Problem
from shared.contracts.events import CommandRefused, MessageRecorded, MessageStatusChanged
from shared.contracts.ids import derived_id
from shared.contracts.message import Event, utc_now
from shared.contracts.records import MessageRecord
from shared.contracts.records import MessageStatus as S
from shared.messaging.command_client import refusal
from shared.platform.documents import from_document
from shared.platform.mongo import Document
from tests.component.api.conftest import Api, Member

TO, TEXT = "+49 151 12345678", "hello"


@pytest.fixture
async def instance(api: Api, member: Member) -> str:
    """A connected one."""
    made = await member.instance()
    await api.connection(member, made)
    return made


async def send(member: Member, instance: str, key: str | None = None, **body: Any) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    path = f"/api/whatsapp/instances/{instance}/send"
    return await member.http.post(path, json={"to": TO, "message": TEXT} | body, headers=headers)


def status(command: SendMessage, to: S, **fields: Any) -> MessageStatusChanged:
    return MessageStatusChanged(
        organization_id=command.organization_id,
        instance_id=command.instance_id,
        message_id=command.message_id,
        status=to,
        **fields,
    )


def accepted(command: SendMessage) -> Iterable[Event]:
    return [status(command, S.QUEUED), status(command, S.SENT, wa_id="3EB0")]


async def test_a_send_answers_when_whatsapp_has_the_message(api: Api, member: Member, instance: str) -> None:
    async with api.playing(SendMessage, accepted) as commands:
        answer = await send(member, instance)
    found = answer.json()
    assert (answer.status_code, found["success"], found["status"]) == (200, True, "sent")
    assert found["messageId"] == commands[0].message_id
    assert found["timestamp"]
    assert (commands[0].to, commands[0].text, commands[0].instance_id) == ("4915112345678", TEXT, instance)


async def test_a_message_not_acknowledged_in_time_is_queued(api: Api, member: Member, instance: str) -> None:
    async with api.playing(SendMessage, lambda command: [status(command, S.QUEUED)]) as commands:
        answer = await send(member, instance, wait=0.2)
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    assert answer.json()["messageId"] == commands[0].message_id


async def test_a_refused_message_is_not_reported_as_queued_without_waiting(
    api: Api, member: Member, instance: str
) -> None:
    """A client that sends many with `wait` 0 would lose all that are beyond the limit without hearing of it."""

    def refused(command: SendMessage) -> Iterable[Event]:
        return [refusal(command, Problem(429, "too_many_pending_sends", "1000 messages wait for WhatsApp"))]

    async with api.playing(SendMessage, refused):
        answer = await send(member, instance, wait=0)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_pending_sends")


def recorded(command: SendMessage) -> MessageRecorded:
    message = MessageRecord(
        id=command.message_id,
        organization_id=command.organization_id,
        instance_id=command.instance_id,
        kind="message",
        direction="outbound",
        origin="api",
        from_address="",
        to_address=command.to or "",
        text=command.text,
        status=S.QUEUED,
        timestamp=command.at,
    )
    return MessageRecorded(organization_id=command.organization_id, instance_id=command.instance_id, message=message)


@pytest.mark.parametrize("accepts", [lambda command: status(command, S.QUEUED), recorded])
async def test_without_waiting_the_response_comes_when_the_router_accepted_the_message(
    api: Api,
    member: Member,
    instance: str,
    monkeypatch: pytest.MonkeyPatch,
    accepts: Callable[[SendMessage], Event],
) -> None:
    monkeypatch.setattr("services.api.routes.sends._ACCEPT_TIMEOUT_S", 600.0)
    async with (
        api.playing(SendMessage, lambda command: [accepts(command)]) as commands,
        asyncio.timeout(60),
    ):
        answer = await send(member, instance, wait=0)
    assert (answer.status_code, answer.json()["messageId"]) == (202, commands[0].message_id)


async def test_the_acknowledgement_of_another_message_is_ignored(api: Api, member: Member, instance: str) -> None:
    def other(command: SendMessage) -> Iterable[Event]:
        return [status(command.model_copy(update={"message_id": "other"}), S.SENT)]

    async with api.playing(SendMessage, other):
        assert (await send(member, instance, wait=0.2)).status_code == 202


@pytest.mark.parametrize(
    ("to", "sent"),
    [
        ("4915112345678@s.whatsapp.net", "4915112345678"),
        ("004915112345678", "4915112345678"),
        ("77@lid", "77@lid"),
        ("\u202a+49 151 12345678\u202c", "4915112345678"),
        ("https://wa.me/4915112345678", "4915112345678"),
    ],
)
async def test_every_usual_address_is_understood(api: Api, member: Member, instance: str, to: str, sent: str) -> None:
    async with api.playing(SendMessage, accepted) as commands:
        assert (await send(member, instance, to=to)).status_code == 200
    assert commands[0].to == sent


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("to", "11999887766", "invalid_phone"),
        ("to", "nobody", "invalid_phone"),
        ("to", "120363021033254949@g.us", "invalid_phone"),
        ("message", "", "validation_failed"),
        ("message", " \n ", "validation_failed"),
        ("message", "\u200b\u200d", "validation_failed"),
        ("message", "\u3164", "validation_failed"),
        ("to", "4917612340987@broadcast", "invalid_phone"),
        ("message", "x" * 65_537, "validation_failed"),
        ("message", 7, "validation_failed"),
        ("wait", 61, "validation_failed"),
        ("wait", -1, "validation_failed"),
        ("expires_in", 0, "validation_failed"),
        ("expires_in", 86_401, "validation_failed"),
    ],
)
async def test_an_invalid_send_names_its_field(
    member: Member, instance: str, field: str, value: Any, code: str
) -> None:
    answer = await send(member, instance, **{field: value})
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("state", ["disconnected", "reconnecting", "logged_out", None])
async def test_a_send_from_a_disconnected_instance_names_its_status(
    api: Api, member: Member, state: str | None
) -> None:
    instance = await member.instance()
    if state:
        await api.connection(member, instance, status=state)
    async with api.playing(SendMessage, accepted) as commands:
        answer = await send(member, instance)
    found = answer.json()
    assert (answer.status_code, found["code"]) == (409, "instance_not_connected")
    assert found["state"] == (state or "disconnected")
    assert commands == []


@pytest.mark.parametrize("outcome", [S.FAILED, S.UNCONFIRMED])
async def test_a_failed_message_has_its_reason(api: Api, member: Member, instance: str, outcome: S) -> None:
    def fail(command: SendMessage) -> Iterable[Event]:
        return [status(command, outcome, error="No such account.")]

    async with api.playing(SendMessage, fail) as commands:
        answer = await send(member, instance)
    found = answer.json()
    assert (answer.status_code, found["code"]) == (502, f"message_{outcome}")
    assert (found["detail"], found["messageId"]) == ("No such account.", commands[0].message_id)


@pytest.mark.parametrize(
    ("error", "reason"),
    [("not_on_whatsapp: 400 unknown user", "not_on_whatsapp"), ("why: it failed", "why"), ("No such one: x", None)],
)
async def test_a_number_that_is_not_on_whatsapp_has_a_code_and_its_conversation(
    api: Api, member: Member, instance: str, error: str, reason: str | None
) -> None:
    def failed(command: SendMessage) -> Iterable[Event]:
        return [status(command, S.FAILED, error=error, conversation_id="c1")]

    async with api.playing(SendMessage, failed):
        answer = await send(member, instance)
    found = answer.json()
    assert (answer.status_code, found["code"], found["detail"]) == (502, "message_failed", error)
    assert (found["reason"], found["conversationId"]) == (reason, "c1")


@pytest.mark.parametrize("wait", [0.0, 10.0])
async def test_the_first_message_to_a_number_tells_its_conversation(
    api: Api, member: Member, instance: str, records: Callable[..., Document], wait: float
) -> None:
    def recorded(command: SendMessage) -> Iterable[Event]:
        message = from_document(MessageRecord, records(_id=command.message_id, conversation_id="c1", status="queued"))
        common: dict[str, Any] = {"organization_id": command.organization_id, "instance_id": command.instance_id}
        return [
            MessageRecorded(cause=command.id, message=message, **common),
            *([status(command, S.SENT, wa_id="3EB0", conversation_id="c1")] if wait else []),
        ]

    async with api.playing(SendMessage, recorded):
        answer = await send(member, instance, wait=wait)
    assert (answer.status_code, answer.json()["conversationId"]) == (200 if wait else 202, "c1"), answer.text


async def test_the_routers_refusal_is_the_answer(api: Api, member: Member, instance: str) -> None:
    def refuse(command: SendMessage) -> Iterable[Event]:
        return [
            CommandRefused(
                organization_id=command.organization_id,
                cause=command.id,
                status=409,
                code="instance_ambiguous",
                detail="several",
            )
        ]

    async with api.playing(SendMessage, refuse):
        answer = await send(member, instance)
    assert (answer.status_code, answer.json()["code"]) == (409, "instance_ambiguous")


async def test_the_same_key_is_the_same_message(api: Api, member: Member, instance: str) -> None:
    async with api.playing(SendMessage, accepted) as commands:
        answers = [await send(member, instance, key="order-7") for _ in range(2)]
        other = await send(member, instance, key="order-8")
    ids = [answer.json()["messageId"] for answer in (*answers, other)]
    assert ids[0] == ids[1] != ids[2]
    assert [command.message_id for command in commands] == ids
    assert len({command.id for command in commands}) == 3  # or the broker would drop the repetition unheard


async def test_a_key_of_another_organization_is_another_message(
    api: Api, member: Member, stranger: Member, instance: str
) -> None:
    theirs = await stranger.instance()
    await api.connection(stranger, theirs)
    async with api.playing(SendMessage, accepted):
        ours = (await send(member, instance, key="order-7")).json()
        assert (await send(stranger, theirs, key="order-7")).json()["messageId"] != ours["messageId"]


async def test_a_used_key_with_another_text_is_refused(api: Api, member: Member, instance: str) -> None:
    async with api.playing(SendMessage, accepted) as commands:
        await send(member, instance, key="order-7")
        answer = await send(member, instance, key="order-7", message="something else")
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_conflict")
    assert len(commands) == 1


async def test_a_repeated_send_is_answered_without_a_connection(api: Api, member: Member, instance: str) -> None:
    async with api.playing(SendMessage, accepted):
        first = (await send(member, instance, key="order-7")).json()
        stored: Document = {
            "_id": first["messageId"],
            "organization_id": member.organization_id,
            "instance_id": instance,
            "direction": "outbound",
            "origin": "api",
            "from_address": "",
            "to_address": "4915112345678",
            "status": "sent",
            "timestamp": first["timestamp"],
        }
        await api.database.messages.insert_one(stored)
        await api.connection(member, instance, status="reconnecting")
        again = await send(member, instance, key="order-7")
    assert (again.status_code, again.json()["messageId"]) == (200, first["messageId"])


async def test_a_repeated_send_whose_first_command_may_be_accepted_later_is_not_refused_by_the_api(
    api: Api, member: Member, instance: str
) -> None:
    """The caller would take the text for not sent, and the router, which has its command, would send it."""
    async with api.playing(SendMessage, lambda command: []) as commands:
        first = await send(member, instance, key="order-7", wait=0)
        await api.connection(member, instance, status="reconnecting")
        again = await send(member, instance, key="order-7", wait=0)
    assert (first.status_code, again.status_code) == (202, 202)
    assert [command.message_id for command in commands] == [first.json()["messageId"]] * 2


async def test_keys_expire_after_a_day(api: Api) -> None:
    indexes = await api.database.idempotency_keys.index_information()
    assert [index["expireAfterSeconds"] for index in indexes.values() if "expireAfterSeconds" in index] == [86_400]


async def test_a_key_of_yesterday_is_a_new_message(api: Api, member: Member, instance: str) -> None:
    """Also while MongoDB has not removed it yet, and with another text."""
    async with api.playing(SendMessage, accepted):
        first = (await send(member, instance, key="daily")).json()["messageId"]
        yesterday = utc_now() - timedelta(hours=24, seconds=1)
        await api.database.idempotency_keys.update_many({}, {"$set": {"created_at": yesterday}})
        answers = [await send(member, instance, key="daily", message="today's") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len({first, *(answer.json()["messageId"] for answer in answers)}) == 2


async def test_an_expired_key_does_not_find_its_message(api: Api, member: Member, instance: str) -> None:
    async with api.playing(SendMessage, accepted):
        first = (await send(member, instance, key="daily")).json()["messageId"]
        await api.database.idempotency_keys.delete_many({})
        assert (await send(member, instance, key="daily")).json()["messageId"] != first


async def test_a_key_counts_per_user(api: Api, member: Member, instance: str) -> None:
    key = (await member.http.post("/api/api-keys", json={"name": "Shop", "scopes": ["send"]})).json()["data"]["key"]
    path, headers = f"/api/whatsapp/instances/{instance}/send", {"Idempotency-Key": "order-7"}
    async with api.playing(SendMessage, accepted):
        first = await send(member, instance, key="order-7")
        body = {"to": "4915133333333", "message": "other"}
        program = httpx.AsyncClient(transport=member.http._transport, base_url=member.http.base_url)
        other = await program.post(path, json=body, headers=headers | {"X-Api-Key": key})
    assert other.status_code == 200, other.text
    assert other.json()["messageId"] != first.json()["messageId"]


async def test_a_key_of_the_earlier_version_finds_its_message(api: Api, member: Member, instance: str) -> None:
    """That version derived the message id from the key; the update may come between a send and its repetition."""
    former = derived_id(member.organization_id, "order-7")
    fingerprint = derived_id(instance, "4915112345678", TEXT)
    kept = {"_id": former, "fingerprint": fingerprint, "created_at": utc_now()}
    await api.database.idempotency_keys.insert_one(kept)
    async with api.playing(SendMessage, accepted):
        assert (await send(member, instance, key="order-7")).json()["messageId"] == former
        assert (await send(member, instance, key="order-7", message="other")).status_code == 422


@pytest.mark.parametrize(("body", "seconds"), [({}, 3600), ({"expires_in": 90}, 90)])
async def test_a_text_carries_how_long_it_may_wait(
    api: Api, member: Member, instance: str, body: dict[str, Any], seconds: int
) -> None:
    async with api.playing(SendMessage, accepted) as commands:
        await send(member, instance, **body)
    assert commands[0].expires_at == commands[0].at + timedelta(seconds=seconds)
