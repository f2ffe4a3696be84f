"""Users of an organization: what a role may do, invitations, removals, and that one owner always stays."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.contracts.principal import ROLE_SCOPES, Role
from tests.component.api.conftest import Api, Member

PASSWORD = "a password of mine"


async def invited(member: Member, role: Role = "agent") -> dict[str, Any]:
    body = {"email": f"{new_id()}@example.org", "role": role}
    answer = await member.http.post("/api/invitations", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


async def accepted(api: Api, token: str) -> tuple[int, Any]:
    async with api.client() as http:
        answer = await http.post("/api/auth/accept-invitation", json={"token": token, "password": PASSWORD})
    return answer.status_code, answer.json()


@pytest.mark.parametrize("role", list(ROLE_SCOPES))
async def test_a_role_has_its_scopes(api: Api, member: Member, role: Role) -> None:
    instance = await member.instance()
    async with api.member(role, member.organization_id) as person:
        read = await person.http.get("/api/contacts")
        body = {"to": "4915112345678", "message": "hello"}
        sent = await person.http.post(f"/api/whatsapp/instances/{instance}/send", json=body)
        managed = await person.http.post("/api/whatsapp/instances", json={"instance_name": "x"})
    allowed = [answer.status_code != 403 for answer in (read, sent, managed)]
    assert allowed == [scope in ROLE_SCOPES[role] for scope in ("read", "send", "manage")]


async def test_an_invitation_creates_one_user_with_its_role(api: Api, member: Member) -> None:
    invitation = await invited(member, "viewer")
    stored = await api.database.invitations.find_one({"_id": invitation["id"]})
    assert invitation["token"] not in str(stored)
    status, login = await accepted(api, invitation["token"])
    assert (status, login["organization_id"], login["user"]["role"]) == (201, member.organization_id, "viewer")
    assert login["user"]["email"] == invitation["email"]
    assert (await accepted(api, invitation["token"]))[1]["code"] == "invitation_used"
    assert (await member.get("/api/invitations"))["data"] == []
    assert login["user"]["id"] in [user["id"] for user in (await member.get("/api/users"))["data"]]


async def test_two_who_accept_at_once_are_one_user(api: Api, member: Member) -> None:
    token = (await invited(member))["token"]
    answers = await asyncio.gather(*(accepted(api, token) for _ in range(2)))
    assert sorted(status for status, _ in answers) == [201, 409]
    assert [body["code"] for status, body in answers if status == 409] == ["invitation_used"]
    assert len((await member.get("/api/users"))["data"]) == 2


async def test_a_withdrawn_or_expired_invitation_is_refused(api: Api, member: Member) -> None:
    first, second = await invited(member), await invited(member)
    assert (await member.http.delete(f"/api/invitations/{first['id']}")).status_code == 200
    past = {"$set": {"expires_at": utc_now() - timedelta(seconds=1)}}
    await api.database.invitations.update_one({"_id": second["id"]}, past)
    for invitation, code in ((first, "invitation_withdrawn"), (second, "invitation_expired")):
        status, body = await accepted(api, invitation["token"])
        assert (status, body["code"]) == (410, code)


async def test_a_user_cannot_be_invited_again(api: Api, member: Member) -> None:
    known = (await member.get("/api/users"))["data"][0]["email"]
    answer = await member.http.post("/api/invitations", json={"email": known})
    assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")


async def test_the_last_owner_can_neither_be_removed_nor_demoted(member: Member) -> None:
    path = f"/api/users/{member.user_id}"
    for answer in (await member.http.delete(path), await member.http.patch(path, json={"role": "admin"})):
        assert (answer.status_code, answer.json()["code"]) == (409, "last_owner")


async def test_two_owners_who_remove_each_other_at_once_leave_one(api: Api, member: Member) -> None:
    async with api.member("owner", member.organization_id) as other:
        answers = await asyncio.gather(
            member.http.delete(f"/api/users/{other.user_id}"), other.http.delete(f"/api/users/{member.user_id}")
        )
    assert sorted(answer.status_code for answer in answers)[0] == 200
    left = {"organization_id": member.organization_id, "removed_at": None, "role": "owner"}
    assert await api.database.users.count_documents(left) == 1


async def test_an_admin_manages_everybody_but_owners(api: Api, member: Member) -> None:
    async with (
        api.member("admin", member.organization_id) as admin,
        api.member("agent", member.organization_id) as agent,
    ):
        made = await admin.http.patch(f"/api/users/{agent.user_id}", json={"role": "viewer", "name": "Eva"})
        refused = [
            await admin.http.patch(f"/api/users/{agent.user_id}", json={"role": "owner"}),
            await admin.http.delete(f"/api/users/{member.user_id}"),
            await admin.http.patch(f"/api/users/{member.user_id}", json={"name": "x"}),
            await admin.http.post("/api/invitations", json={"email": "a@example.org", "role": "owner"}),
        ]
    assert (made.json()["data"]["role"], made.json()["data"]["name"]) == ("viewer", "Eva")
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(403, "role_missing")] * 4


async def test_a_new_role_and_a_removal_apply_to_issued_tokens(api: Api, member: Member) -> None:
    async with api.member("agent", member.organization_id) as agent:
        path = f"/api/users/{agent.user_id}"
        assert (await agent.http.get("/api/api-keys")).status_code == 403
        await member.http.patch(path, json={"role": "admin"})
        assert (await agent.http.get("/api/api-keys")).status_code == 200
        assert (await member.http.delete(path)).status_code == 200
        gone = await agent.http.get("/api/users")
    assert (gone.status_code, gone.json()["code"]) == (401, "user_removed")
    assert (await member.http.get(path)).status_code == 404


async def test_the_address_of_a_removed_user_can_be_used_again(api: Api, member: Member) -> None:
    invitation = await invited(member)
    _, login = await accepted(api, invitation["token"])
    assert (await member.http.delete(f"/api/users/{login['user']['id']}")).status_code == 200
    async with api.client() as http:
        body = {"email": invitation["email"], "password": PASSWORD}
        assert (await http.post("/api/auth/login", json=body)).status_code == 401
        assert (await http.post("/api/auth/register", json=body)).status_code == 201


@pytest.mark.parametrize(("field", "value"), [("role", "king"), ("role", None), ("name", None), ("email", "a@b.c")])
async def test_a_change_that_cannot_be_names_its_field(member: Member, field: str, value: Any) -> None:
    answer = await member.http.patch(f"/api/users/{member.user_id}", json={field: value})
    assert answer.status_code == 422
    assert field in answer.json()["detail"]
