"""API keys limited to some instances: records of other instances are not found."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import httpx
import pytest

from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.contracts.queries import ApiKeyOwner
from shared.platform.mongo import Document
from tests.component.api.conftest import Api, Member
from tests.component.api.test_keys import created, verified


@dataclass
class Limited:
    """A key for `mine`; the organization has `other` too."""

    http: httpx.AsyncClient
    mine: str
    other: str
    key: str


@pytest.fixture
async def limited(api: Api, member: Member) -> AsyncIterator[Limited]:
    mine, other = await member.instance(), await member.instance()
    key = (await created(member, "read", "send", "manage", instance_ids=[mine]))["key"]
    async with api.client(**{"X-Api-Key": key}) as http:
        yield Limited(http, mine, other, key)


async def test_a_limited_key_accesses_its_instance_and_no_other(limited: Limited) -> None:
    listed = (await limited.http.get("/api/whatsapp/instances")).json()["data"]
    assert [instance["id"] for instance in listed] == [limited.mine]
    assert (await limited.http.get(f"/api/whatsapp/instances/{limited.mine}")).status_code == 200
    for method, path, body in (
        ("GET", "", None),
        ("GET", "/status", None),
        ("PATCH", "", {"instance_name": "mine now"}),
        ("DELETE", "", None),
        ("POST", "/send", {"to": "4915112345678", "message": "x"}),
        ("POST", "/logout", None),
    ):
        answer = await limited.http.request(method, f"/api/whatsapp/instances/{limited.other}{path}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "instance_not_found"), (method, path)


async def test_a_limited_key_does_nothing_that_concerns_the_whole_organization(limited: Limited) -> None:
    for method, path, body in (
        ("POST", "/api/whatsapp/instances", {"instance_name": "x"}),
        ("POST", "/api/api-keys", {"name": "x"}),
        ("GET", "/api/api-keys", None),
        ("GET", "/api/contacts", None),
        ("GET", "/api/users", None),
        ("POST", "/api/invitations", {"email": "a@example.org"}),
        ("GET", "/api/admin/dead-letters", None),
    ):
        answer = await limited.http.request(method, path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "key_limited"), path


async def test_a_limited_key_reads_the_messages_conversations_and_bookings_of_its_instance(
    api: Api, member: Member, limited: Limited, records: Callable[..., Document]
) -> None:
    now, listed_ids = utc_now(), {}
    for instance in (limited.mine, limited.other):
        ids = {name: new_id() for name in ("conversations", "messages", "bookings")}
        one = {
            "organization_id": member.organization_id,
            "instance_id": instance,
            "contact_id": new_id(),
            "created_at": now,
            "updated_at": now,
        }
        await api.database.conversations.insert_one({"_id": ids["conversations"], **one})
        booking = {"_id": ids["bookings"], "status": "pending", "opened_by": "m", **one}
        await api.database.bookings.insert_one(booking)
        message = records(_id=ids["messages"], instance_id=instance, conversation_id=ids["conversations"])
        await api.database.messages.insert_one(message)
        listed_ids[instance] = ids
    for name, ours in listed_ids[limited.mine].items():
        theirs = listed_ids[limited.other][name]
        listed = (await limited.http.get(f"/api/{name}")).json()["data"]
        assert [record["id"] for record in listed] == [ours]
        assert (await limited.http.get(f"/api/{name}/{ours}")).status_code == 200
        assert (await limited.http.get(f"/api/{name}/{theirs}")).status_code == 404
    other = listed_ids[limited.other]["conversations"]
    assert (await limited.http.get(f"/api/conversations/{other}/messages")).status_code == 404
    elsewhere = await limited.http.get("/api/conversations", params={"instance_id": limited.other})
    assert elsewhere.json()["data"] == []


async def test_a_limited_key_opens_no_socket(api: Api, limited: Limited) -> None:
    assert await verified(api, limited.key) == ApiKeyOwner(limited=True)


async def test_a_key_cannot_be_limited_to_an_instance_of_somebody_else(member: Member, stranger: Member) -> None:
    body = {"name": "x", "instance_ids": [await stranger.instance()]}
    answer = await member.http.post("/api/api-keys", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("instance_ids: there are no such instances")
