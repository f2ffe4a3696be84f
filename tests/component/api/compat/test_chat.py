"""Routes for the chat front end, as in the table of REST calls in its migration guide."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.commands import ConnectInstance, DisconnectInstance, SendMessage
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.contracts.queries import MessagesBetween, RequestQr
from shared.contracts.records import ConnectionStatus as S
from shared.messaging.rpc_client import rpc_request
from shared.platform.mongo import Document
from tests.component.api.compat.script import PNG, becomes, sends, shown_qr, shows_qr
from tests.component.api.conftest import Api, Member

CONTACTS, BETWEEN, QR, SEND = (
    f"/api/whatsapp/{path}" for path in ("contacts", "messages/between", "qr", "send-message")
)
OURS, THEIRS = "4915112345678", "5511999887766"
Records = Callable[..., Document]


class Talk:
    """A conversation of a connected account with one contact."""

    def __init__(self, api: Api, member: Member, records: Records) -> None:
        self._stage, self._member, self._records = api, member, records
        self.instance, self.contact, self.id = "", new_id(), new_id()

    async def begin(self, lid: str | None = None) -> None:
        self.instance = await self._member.instance()
        await self._stage.connection(self._member, self.instance, phone_number=OURS)
        at, own = utc_now(), {"organization_id": self._member.organization_id}
        aliases = [f"phone:{THEIRS}"] + ([f"lid:{lid}"] if lid else [])
        await self._stage.database.contacts.insert_one(
            {
                "_id": self.contact,
                "phone_number": THEIRS,
                "lid": lid,
                "name": "Ana",
                "aliases": aliases,
                "created_at": at,
                "updated_at": at,
                **own,
            }
        )
        await self._stage.database.conversations.insert_one(
            {"_id": self.id, "instance_id": self.instance, "contact_id": self.contact, "updated_at": at, **own}
        )

    async def say(self, *texts: str, **fields: Any) -> None:
        for text in texts:
            at = utc_now() + timedelta(seconds=len(text))
            inbound: Document = {"from_address": THEIRS, "to_address": OURS, "text": text, "timestamp": at}
            place = {"instance_id": self.instance, "conversation_id": self.id, "contact_id": self.contact}
            await self._stage.database.messages.insert_one(self._records(**inbound | place | fields))


@pytest.fixture
async def talk(api: Api, member: Member, records: Records) -> Talk:
    begun = Talk(api, member, records)
    await begun.begin(lid="77")
    return begun


async def test_contacts_are_those_of_the_organization(member: Member, stranger: Member, talk: Talk) -> None:
    found = await member.get(CONTACTS)
    assert found["success"] is True
    (contact,) = found["data"]
    assert (contact["id"], contact["name"], contact["phoneNumber"]) == (talk.contact, "Ana", THEIRS)
    assert (await stranger.get(CONTACTS))["data"] == []


async def test_messages_between_have_the_fields_of_new_message(member: Member, talk: Talk) -> None:
    await talk.say("hello", wa_id="3EB0")
    outgoing = {"direction": "outbound", "from_address": OURS, "to_address": THEIRS, "status": "read"}
    await talk.say("good morning", **outgoing)
    found = await member.get(BETWEEN, **{"from": OURS, "to": THEIRS, "limit": 50, "offset": 0})
    assert found["success"] is True
    first, second = found["data"]
    assert (first["content"], first["isOutgoing"], first["from"], first["to"]) == ("hello", False, THEIRS, OURS)
    assert (second["content"], second["isOutgoing"], second["from"], second["to"]) == (
        "good morning",
        True,
        OURS,
        THEIRS,
    )
    assert (second["status"], second["type"], second["conversationId"]) == ("read", "text", talk.id)
    assert all(isinstance(message["timestamp"], str) and message["id"] for message in found["data"])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (OURS, THEIRS),
        (THEIRS, OURS),
        (f"+{OURS}", "+55 11 99988-7766"),
        (f"{THEIRS}@s.whatsapp.net", OURS),
        ("77@lid", OURS),
    ],
)
async def test_either_order_and_every_notation_is_the_same_conversation(
    member: Member, talk: Talk, one: str, other: str
) -> None:
    await talk.say("hello")
    found = await member.get(BETWEEN, **{"from": one, "to": other})
    assert [message["content"] for message in found["data"]] == ["hello"]


async def test_limit_and_offset_count_from_the_newest_and_each_page_reads_downwards(member: Member, talk: Talk) -> None:
    await talk.say("a", "bb", "ccc", "dddd", "eeeee")
    pages, offset = [], 0
    while offset is not None:
        found = await member.get(BETWEEN, **{"from": OURS, "to": THEIRS, "limit": 2, "offset": offset})
        pages.append([message["content"] for message in found["data"]])
        offset = found["nextOffset"]
    assert pages == [["dddd", "eeeee"], ["bb", "ccc"], ["a"]]


async def test_the_same_is_answered_over_nats(api: Api, member: Member, talk: Talk) -> None:
    await talk.say("hello")
    query = MessagesBetween(organization_id=member.organization_id, one=f"+{OURS}", other=THEIRS)
    assert await rpc_request(api.nats, query) == await member.get(BETWEEN, **{"from": OURS, "to": THEIRS})


async def test_messages_of_others_and_notes_are_not_between_them(
    api: Api, member: Member, stranger: Member, talk: Talk, records: Records
) -> None:
    await talk.say("to myself", kind="note")
    await api.database.messages.insert_one(records(from_address=THEIRS, to_address=OURS))
    for caller, one, other in (
        (member, OURS, THEIRS),
        (member, "4915199999999", THEIRS),
        (member, THEIRS, THEIRS),
        (stranger, OURS, THEIRS),
    ):
        assert (await caller.get(BETWEEN, **{"from": one, "to": other}))["data"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"to": THEIRS}, "from"),
        ({"from": OURS}, "to"),
        ({"from": "11999887766", "to": OURS}, "from"),
        ({"from": OURS, "to": THEIRS, "limit": 0}, "limit"),
        ({"from": OURS, "to": THEIRS, "offset": -1}, "offset"),
    ],
)
async def test_an_invalid_query_names_its_field(member: Member, query: dict[str, Any], field: str) -> None:
    answer = await member.http.get(BETWEEN, params=query)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_qr_connects_the_account_and_answers_with_the_code(api: Api, member: Member) -> None:
    async with api.playing(ConnectInstance, shows_qr) as commands:
        found = await member.get(QR)
    assert found["success"] is True
    assert (found["data"]["qrCode"], found["data"]["qr"]) == (PNG, "2@a1b2c3d4e5f6")
    assert (found["data"]["status"], found["data"]["instanceId"]) == ("qr_pending", commands[0].instance_id)


async def test_the_code_is_answered_over_nats_too(api: Api, member: Member) -> None:
    question = RequestQr(organization_id=member.organization_id)
    async with api.playing(ConnectInstance, shows_qr) as commands:
        found = await rpc_request(api.nats, question, timeout=40)
    assert (found["data"]["qrCode"], found["data"]["instanceId"]) == (PNG, commands[0].instance_id)


async def test_a_connected_account_has_no_code(api: Api, member: Member, talk: Talk) -> None:
    async with api.playing(ConnectInstance, shows_qr) as commands:
        data = (await member.get(QR, forceNew=True))["data"]
    assert (data["qrCode"], data["status"], commands) == (None, "connected", [])


async def test_a_new_code_can_be_forced(api: Api, member: Member) -> None:
    instance = await member.instance()
    await api.connection(member, instance, status="qr_pending", qr=shown_qr() | {"data_url": "old"})
    assert (await member.get(QR))["data"]["qrCode"] == "old"

    closed = becomes(S.DISCONNECTED)
    async with (
        api.playing(DisconnectInstance, closed) as stopped,
        api.playing(ConnectInstance, shows_qr),
    ):
        await api.database.connections.delete_one({"_id": instance})
        assert (await member.get(QR, forceNew=True, instanceId=instance))["data"]["qrCode"] == PNG
        assert stopped == []
        await api.connection(member, instance, status="pairing")
        await member.get(QR, forceNew=True, instanceId=instance)
    assert [command.instance_id for command in stopped] == [instance]


async def test_send_message_goes_out_from_the_only_account(api: Api, member: Member, talk: Talk) -> None:
    async with api.playing(SendMessage, sends) as commands:
        answer = await member.http.post(SEND, json={"to": f"+{THEIRS}", "message": "Hello"})
    found = answer.json()
    assert (answer.status_code, found["success"], found["messageId"]) == (200, True, commands[0].message_id)
    assert isinstance(found["timestamp"], str)
    assert (commands[0].instance_id, commands[0].to, commands[0].text) == (talk.instance, THEIRS, "Hello")


async def test_a_conversation_says_from_which_account_and_to_whom(api: Api, member: Member, records: Records) -> None:
    await member.instance()  # the oldest, and not the one of the conversation
    talk = Talk(api, member, records)
    await talk.begin()
    async with api.playing(SendMessage, sends) as commands:
        for body in ({"to": THEIRS}, {}):
            asked = {"message": "Hello", "conversationId": talk.id, **body}
            assert (await member.http.post(SEND, json=asked)).status_code == 200
    assert {command.instance_id for command in commands} == {talk.instance}
    assert [(command.to, command.conversation_id) for command in commands] == [(THEIRS, None), (None, talk.id)]


async def test_a_repeated_client_id_is_the_same_message(api: Api, member: Member, talk: Talk) -> None:
    body = {"to": THEIRS, "message": "Hello", "clientId": "tmp-1"}
    async with api.playing(SendMessage, sends):
        answers = [(await member.http.post(SEND, json=body)).json() for _ in range(2)]
    assert answers[0]["messageId"] == answers[1]["messageId"]
    assert [answer["clientId"] for answer in answers] == ["tmp-1", "tmp-1"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"message": "x"}, 422, "missing_recipient"),
        ({"to": THEIRS}, 422, "validation_failed"),
        ({"to": "11999887766", "message": "x"}, 422, "invalid_phone"),
        ({"to": THEIRS, "message": "x", "conversationId": "nobodys"}, 404, "conversation_not_found"),
        ({"to": THEIRS, "message": "x", "instanceId": "nobodys"}, 404, "instance_not_found"),
        ({"to": THEIRS, "message": "x"}, 409, "instance_not_connected"),
    ],
)
async def test_an_invalid_send_has_its_reason(member: Member, body: dict[str, str], status: int, code: str) -> None:
    answer = await member.http.post(SEND, json=body)
    assert (answer.status_code, answer.json()["code"], answer.json()["success"]) == (status, code, False)
