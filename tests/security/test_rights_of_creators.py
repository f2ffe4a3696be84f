"""What a user or a key created has at most the current rights of its maker, and ends with its maker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from services.api.store.api_keys import MAX_KEY_DEPTH
from services.realtime.revoked_access import RevocationList
from shared.contracts.events import AccessRevoked
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.contracts.principal import Principal
from shared.contracts.queries import ApiKeyOwner, VerifyApiKey
from tests.component.api.conftest import Api, Member, api, member, own_bus, settings, stranger
from tests.subscriptions import subscribed

__all__ = ["api", "member", "own_bus", "settings", "stranger"]
ALL = ["manage", "read", "send"]


async def key_of(http: httpx.AsyncClient, *scopes: str, **fields: Any) -> dict[str, Any]:
    answer = await http.post("/api/api-keys", json={"name": "Till", "scopes": scopes or ALL, **fields})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()["data"]
    return made


async def scopes_now(api: Api, key: str) -> list[str] | None:
    """The reply to realtime; None: the key is refused."""
    question = VerifyApiKey(organization_id="unknown", key=key)
    reply = await api.nats.request(question.full_subject, question.model_dump_json().encode(), timeout=5)
    owner = ApiKeyOwner.model_validate_json(reply.data)
    return owner.scopes if owner.organization_id else None


async def change(owner: Member, person: Member, role: str) -> None:
    answer = await owner.http.patch(f"/api/users/{person.user_id}", json={"role": role})
    assert answer.status_code == 200, answer.text


async def remove(owner: Member, person: Member) -> None:
    assert (await owner.http.delete(f"/api/users/{person.user_id}")).status_code == 200


async def invited(http: httpx.AsyncClient, role: str = "agent") -> str:
    answer = await http.post("/api/invitations", json={"email": f"{new_id()}@example.org", "role": role})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"]["token"])


async def accepted(api: Api, token: str) -> httpx.Response:
    async with api.client() as http:
        body = {"token": token, "password": "a password of mine"}
        return await http.post("/api/auth/accept-invitation", json=body)


@asynccontextmanager
async def endings(api: Api, organization_id: str) -> AsyncIterator[list[AccessRevoked]]:
    """AccessRevoked events of this organization."""
    events_received: list[AccessRevoked] = []

    async def hear(message: Any) -> None:
        events_received.append(AccessRevoked.model_validate_json(message.data))

    subscription = await api.nats.subscribe(AccessRevoked.subject_filter(organization_id), cb=hear)
    await subscribed(api.nats)
    yield events_received
    await subscribed(api.nats)
    await subscription.unsubscribe()


async def test_a_key_of_a_demoted_admin_has_the_scopes_of_the_new_role(api: Api, member: Member) -> None:
    async with api.member("admin", member.organization_id) as admin:
        key = await key_of(admin.http)
        for role, scopes in (("agent", ["read", "send"]), ("viewer", ["read"]), ("admin", ALL)):
            await change(member, admin, role)
            assert await scopes_now(api, key["key"]) == scopes
    await change(member, admin, "viewer")
    async with api.client(**{"X-Api-Key": key["key"]}) as http:
        assert (await http.get("/api/users")).status_code == 200
        refused = await http.post("/api/whatsapp/instances", json={"instance_name": "x"})
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_missing")


async def test_a_key_of_a_removed_admin_is_refused(api: Api, member: Member) -> None:
    async with api.member("admin", member.organization_id) as admin:
        key = await key_of(admin.http)
        async with api.client(**{"X-Api-Key": key["key"]}) as http:
            below = await key_of(http, "read")
        async with endings(api, member.organization_id) as events_received:
            await remove(member, admin)
    for each in (key, below):
        assert await scopes_now(api, each["key"]) is None
        async with api.client(**{"X-Api-Key": each["key"]}) as http:
            assert (await http.get("/api/users")).json()["code"] == "api_key_invalid"
    revoked_events = {(event.holder, event.code) for event in events_received}
    assert revoked_events >= {(f"key:{each['id']}", "api_key_revoked") for each in (key, below)}


async def test_a_revoked_key_ends_the_keys_it_made(api: Api, member: Member) -> None:
    first = await key_of(member.http)
    async with api.client(**{"X-Api-Key": first["key"]}) as http:
        second = await key_of(http)
        token = await invited(http)
    async with endings(api, member.organization_id) as events_received:
        assert (await member.http.delete(f"/api/api-keys/{first['id']}")).status_code == 200
    assert await scopes_now(api, second["key"]) is None
    assert {event.holder for event in events_received} == {f"key:{first['id']}", f"key:{second['id']}"}
    assert (await accepted(api, token)).json()["code"] == "invitation_withdrawn"


async def test_an_expiring_key_makes_only_expiring_keys(api: Api, member: Member) -> None:
    soon = utc_now() + timedelta(hours=1)
    first = await key_of(member.http, expires_at=soon.isoformat())
    async with api.client(**{"X-Api-Key": first["key"]}) as http:
        second = await key_of(http)
        later = {"name": "x", "expires_at": (soon + timedelta(minutes=1)).isoformat()}
        refused = await http.post("/api/api-keys", json=later)
    assert soon - timedelta(seconds=1) <= datetime.fromisoformat(second["expires_at"]) <= soon
    assert (refused.status_code, refused.json()["detail"][:10]) == (422, "expires_at")
    past = {"$set": {"expires_at": utc_now() - timedelta(seconds=1)}}
    await api.database.api_keys.update_one({"_id": first["id"]}, past)
    await api.database.api_keys.update_one({"_id": second["id"]}, {"$set": {"expires_at": None}})
    assert await scopes_now(api, second["key"]) is None, "also one that an older version made without an end"


async def test_a_key_of_a_key_has_at_most_the_scopes_and_instances_of_the_first(api: Api, member: Member) -> None:
    first = await key_of(member.http)
    async with api.client(**{"X-Api-Key": first["key"]}) as http:
        second = await key_of(http)
    narrowed = {"$set": {"scopes": ["read"], "instance_ids": ["one"]}}
    await api.database.api_keys.update_one({"_id": first["id"]}, narrowed)
    async with api.client(**{"X-Api-Key": second["key"]}) as http:
        refused = await http.post("/api/whatsapp/instances", json={"instance_name": "x"})
        limited = await http.get("/api/contacts")
    assert refused.json()["code"] == "scope_missing"
    assert limited.json()["code"] == "key_limited"


async def test_keys_do_not_make_keys_without_end(api: Api, member: Member) -> None:
    key = (await key_of(member.http))["key"]
    for _ in range(MAX_KEY_DEPTH):
        async with api.client(**{"X-Api-Key": key}) as http:
            key = (await key_of(http))["key"]
    assert await scopes_now(api, key) == ALL
    async with api.client(**{"X-Api-Key": key}) as http:
        answer = await http.post("/api/api-keys", json={"name": "x", "scopes": ["read"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "key_too_deep")


@pytest.mark.parametrize("role", ["agent", "viewer"])
async def test_an_invitation_of_a_demoted_maker_is_refused(api: Api, member: Member, role: str) -> None:
    async with api.member("admin", member.organization_id) as admin:
        token = await invited(admin.http)
        await change(member, admin, role)
        assert (await accepted(api, token)).json()["code"] == "invitation_withdrawn"
        assert (await member.get("/api/invitations"))["data"] == []
        await change(member, admin, "admin")
        assert (await accepted(api, token)).status_code == 410, "it does not come back either"


async def test_an_invitation_of_a_removed_admin_is_refused(api: Api, member: Member) -> None:
    async with api.member("admin", member.organization_id) as admin:
        token = await invited(admin.http, "admin")
        kept = await api.database.invitations.find_one({"created_by": admin.user_id})
        await remove(member, admin)
    assert (await accepted(api, token)).json()["code"] == "invitation_withdrawn"
    assert kept
    await api.database.invitations.replace_one({"_id": kept["_id"]}, kept)
    assert (await accepted(api, token)).json()["code"] == "invitation_withdrawn", "were it not withdrawn"


async def test_an_owner_who_is_admin_now_made_no_new_owner(api: Api, member: Member) -> None:
    async with api.member("owner", member.organization_id) as other:
        token = await invited(other.http, "owner")
        await change(member, other, "admin")
    answer = await accepted(api, token)
    assert (answer.status_code, answer.json()["user"]["role"]) == (201, "admin")


async def test_a_key_gives_no_role_with_scopes_it_does_not_have(api: Api, member: Member) -> None:
    key = await key_of(member.http, "manage")
    async with (
        api.client(**{"X-Api-Key": key["key"]}) as http,
        api.member("viewer", member.organization_id) as one,
    ):
        invitation = await http.post("/api/invitations", json={"email": f"{new_id()}@example.org", "role": "admin"})
        promotion = await http.patch(f"/api/users/{one.user_id}", json={"role": "admin"})
        assert (await http.delete(f"/api/users/{one.user_id}")).status_code == 200
    for answer in (invitation, promotion):
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


async def test_keys_without_a_recorded_maker_stay_valid(api: Api, member: Member) -> None:
    key = await key_of(member.http)
    for maker in ({"$unset": {"created_by": ""}}, {"$set": {"created_by": "bus"}}, {"$set": {"created_by": new_id()}}):
        await api.database.api_keys.update_one({"_id": key["id"]}, maker)
        assert await scopes_now(api, key["key"]) == ALL


async def test_a_maker_of_another_organization_makes_a_key_worthless(
    api: Api, member: Member, stranger: Member
) -> None:
    key = await key_of(member.http)
    await api.database.api_keys.update_one({"_id": key["id"]}, {"$set": {"created_by": stranger.user_id}})
    assert await scopes_now(api, key["key"]) is None


def test_a_socket_ends_when_its_key_is_narrowed_and_may_come_back_with_less() -> None:
    ended = RevocationList(timedelta(hours=1))
    ended.add(
        AccessRevoked(organization_id="acme", code="role_changed", reason="x", holder="key:k", scopes=("read", "send"))
    )
    key = Principal(organization_id="acme", subject="key:k")
    assert ended.revocation_for(key)
    assert ended.revocation_for(key.model_copy(update={"scopes": frozenset({"read", "send"})})) is None
    ended.add(AccessRevoked(organization_id="acme", code="api_key_revoked", reason="x", holder="key:k"))
    ended.add(
        AccessRevoked(organization_id="acme", code="role_changed", reason="x", holder="key:k", scopes=("read", "send"))
    )
    found = ended.revocation_for(key.model_copy(update={"scopes": frozenset({"read"})}))
    assert found
    assert found.code == "api_key_revoked", "a revocation is for good"
