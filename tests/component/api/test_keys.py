"""API keys: their scopes, and when they end."""

import json
from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.message import utc_now
from shared.contracts.queries import ApiKeyOwner, VerifyApiKey
from tests.component.api.conftest import Api, Member


async def created(member: Member, *scopes: str, **fields: Any) -> dict[str, Any]:
    answer = await member.http.post("/api/api-keys", json={"name": "Till", "scopes": scopes, **fields})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


async def verified(api: Api, key: str) -> ApiKeyOwner:
    """The answer realtime gets."""
    query = VerifyApiKey(organization_id="unknown", key=key)
    reply = await api.nats.request(query.full_subject, query.model_dump_json().encode(), timeout=5)
    return ApiKeyOwner.model_validate_json(reply.data)


async def test_a_key_has_its_scopes_in_either_header(api: Api, member: Member) -> None:
    key = (await created(member, "read"))["key"]
    for headers in ({"X-Api-Key": key}, {"Authorization": f"Bearer {key}"}):
        async with api.client(**headers) as http:
            seen = await http.get("/api/organization")
            refused = await http.post("/api/whatsapp/instances", json={"instance_name": "x"})
        assert seen.json()["data"]["id"] == member.organization_id
        assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")


async def test_a_key_is_returned_once_and_stored_as_a_hash(api: Api, member: Member) -> None:
    made = await created(member, "read")
    listed = await member.get("/api/api-keys")
    stored = await api.database.api_keys.find_one({"_id": made["id"]})
    assert made["key"].startswith("sbk_")
    assert [key["id"] for key in listed["data"]] == [made["id"]]
    assert made["key"] not in str(listed) + str(stored)


async def test_a_revoked_key_is_refused(api: Api, member: Member) -> None:
    made = await created(member, "read")
    assert (await verified(api, made["key"])).organization_id == member.organization_id
    assert (await member.http.delete(f"/api/api-keys/{made['id']}")).status_code == 200
    async with api.client(**{"X-Api-Key": made["key"]}) as http:
        answer = await http.get("/api/organization")
    assert (answer.status_code, answer.json()["code"]) == (401, "api_key_invalid")
    assert await verified(api, made["key"]) == ApiKeyOwner()
    assert (await member.get("/api/api-keys"))["data"][0]["revoked_at"]


async def test_an_expired_key_is_refused(api: Api, member: Member) -> None:
    made = await created(member, "read", expires_at=(utc_now() + timedelta(hours=1)).isoformat())
    assert (await verified(api, made["key"])).key_id == made["id"]
    past = {"$set": {"expires_at": utc_now() - timedelta(seconds=1)}}
    await api.database.api_keys.update_one({"_id": made["id"]}, past)
    assert await verified(api, made["key"]) == ApiKeyOwner()


async def test_realtime_gets_the_scopes_of_a_key(api: Api, member: Member) -> None:
    made = await created(member, "send", "read")
    assert (await verified(api, made["key"])).scopes == ["read", "send"]


async def test_an_unreadable_query_is_answered_with_a_problem(api: Api) -> None:
    reply = await api.nats.request(VerifyApiKey(organization_id="unknown", key="x").full_subject, b"{", timeout=5)
    problem = json.loads(reply.data)
    assert (problem["status"], problem["code"]) == (422, "invalid_json")


async def test_a_key_cannot_make_a_key_with_more_scopes(api: Api, member: Member) -> None:
    key = (await created(member, "manage"))["key"]
    async with api.client(**{"X-Api-Key": key}) as http:
        answer = await http.post("/api/api-keys", json={"name": "more", "scopes": ["send"]})
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


@pytest.mark.parametrize(
    ("field", "value"),
    [("scopes", []), ("scopes", ["everything"]), ("expires_at", "2020-01-01T00:00:00Z"), ("expires_at", "tomorrow")],
)
async def test_an_invalid_key_names_its_field(member: Member, field: str, value: Any) -> None:
    answer = await member.http.post("/api/api-keys", json={"name": "x", field: value})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(field)
