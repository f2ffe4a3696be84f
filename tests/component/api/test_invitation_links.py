"""The link of an invitation: what it shows, why it is refused, and how a new one is made."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.api.settings import ApiSettings
from services.api.store.migrations import API_MIGRATION_STEPS
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from tests.component.api.conftest import Api, Member, running
from tests.component.api.test_users_and_roles import PASSWORD, accepted, invited
from tests.servers import free_port


async def inspected(api: Api, token: str) -> tuple[int, Any]:
    async with api.client() as http:
        answer = await http.post("/api/auth/invitation", json={"token": token})
    return answer.status_code, answer.json()


async def refused(api: Api, token: str) -> list[tuple[int, str]]:
    """The refusals of looking and of accepting."""
    answers = [await inspected(api, token), await accepted(api, token)]
    return [(status, body["code"]) for status, body in answers]


async def renewed(member: Member, invitation: dict[str, Any]) -> dict[str, Any]:
    answer = await member.http.post(f"/api/invitations/{invitation['id']}/renew")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["data"]
    return found


async def test_a_link_shows_what_it_is_for_and_is_not_used_up_by_being_opened(api: Api, member: Member) -> None:
    invitation = await invited(member, "viewer")
    for _ in range(3):
        status, body = await inspected(api, invitation["token"])
        assert (status, body["data"]) == (
            200,
            {
                "organization_name": "Acme",
                "email": invitation["email"],
                "role": "viewer",
                "invited_by": "owner",
                "expires_at": body["data"]["expires_at"],
            },
        )
    async with api.client() as http:
        for method in ("GET", "HEAD"):
            for path in ("/api/auth/invitation", "/api/auth/accept-invitation"):
                opened = await http.request(method, path, params={"token": invitation["token"]})
                assert opened.status_code == 405
    assert (await accepted(api, invitation["token"]))[0] == 201


async def test_each_refusal_says_why(api: Api, member: Member) -> None:
    used, withdrawn, expired, former = [await invited(member) for _ in range(4)]
    assert (await accepted(api, used["token"]))[0] == 201
    assert (await member.http.delete(f"/api/invitations/{withdrawn['id']}")).status_code == 200
    past = {"$set": {"expires_at": utc_now() - timedelta(seconds=1)}}
    await api.database.invitations.update_one({"_id": expired["id"]}, past)
    await renewed(member, former)
    assert await refused(api, used["token"]) == [(409, "invitation_used")] * 2
    assert await refused(api, withdrawn["token"]) == [(410, "invitation_withdrawn")] * 2
    assert await refused(api, expired["token"]) == [(410, "invitation_expired")] * 2
    assert await refused(api, former["token"]) == [(410, "invitation_renewed")] * 2
    for unknown in (f"sbi_{new_id()}", "x", "\x00", "\ud800".encode("utf-16", "surrogatepass").hex(), used["id"]):
        assert await refused(api, unknown) == [(404, "invitation_invalid")] * 2


async def test_an_ended_invitation_stays_ended(api: Api, member: Member) -> None:
    used, withdrawn = [await invited(member) for _ in range(2)]
    await accepted(api, used["token"])
    await member.http.delete(f"/api/invitations/{withdrawn['id']}")
    for invitation in (used, withdrawn):
        path = f"/api/invitations/{invitation['id']}"
        for answer in (await member.http.delete(path), await member.http.post(f"{path}/renew")):
            assert (answer.status_code, answer.json()["code"]) == (404, "invitation_not_found")
    assert (await member.get("/api/invitations"))["data"] == []


async def test_a_renewed_invitation_has_a_new_token_and_expiry_also_after_its_end(api: Api, member: Member) -> None:
    invitation = await invited(member, "viewer")
    past = {"$set": {"expires_at": utc_now() - timedelta(days=1)}}
    await api.database.invitations.update_one({"_id": invitation["id"]}, past)
    assert (await member.get("/api/invitations"))["data"] == []
    new = await renewed(member, invitation)
    assert (new["id"], new["email"], new["role"]) == (invitation["id"], invitation["email"], "viewer")
    assert datetime.fromisoformat(new["expires_at"]) > datetime.now(UTC) + timedelta(days=6)
    listed = (await member.get("/api/invitations"))["data"]
    assert [each["id"] for each in listed] == [invitation["id"]]
    assert "token" not in listed[0]
    stored = await api.database.invitations.find_one({"_id": invitation["id"]})
    assert invitation["token"] not in str(stored)
    assert new["token"] not in str(stored)
    assert await refused(api, invitation["token"]) == [(410, "invitation_renewed")] * 2
    assert (await accepted(api, new["token"]))[0] == 201


async def test_who_renews_an_invitation_is_its_maker(api: Api, member: Member) -> None:
    async with api.member("admin", member.organization_id) as admin:
        mine, owners = await invited(member), await invited(member, "owner")
        new = await renewed(admin, mine)
        assert (new["created_by"], new["created_by_name"]) == (admin.user_id, "admin")
        answer = await admin.http.post(f"/api/invitations/{owners['id']}/renew")
        assert (answer.status_code, answer.json()["code"]) == (403, "role_missing")
        assert (await member.http.delete(f"/api/users/{admin.user_id}")).status_code == 200
    assert await refused(api, new["token"]) == [(410, "invitation_withdrawn")] * 2


async def test_renewals_at_the_same_time_leave_one_valid_token(api: Api, member: Member) -> None:
    invitation = await invited(member)
    tokens = [new["token"] for new in await asyncio.gather(*(renewed(member, invitation) for _ in range(4)))]
    statuses = [(await inspected(api, token))[0] for token in tokens]
    assert sorted(statuses) == [200, 410, 410, 410]
    answers = await asyncio.gather(*(accepted(api, token) for token in tokens))
    assert sorted(status for status, _ in answers) == [201, 410, 410, 410]


async def test_the_list_names_who_invited(api: Api, member: Member) -> None:
    await invited(member)
    full = {"name": "Till", "scopes": ["read", "send", "manage"]}
    key = (await member.http.post("/api/api-keys", json=full)).json()["data"]
    async with api.client(**{"X-Api-Key": key["key"]}) as http:
        token = (await http.post("/api/invitations", json={"email": "a@example.org"})).json()["data"]["token"]
    listed = (await member.get("/api/invitations"))["data"]
    assert [each["created_by_name"] for each in listed] == ["Till", "owner"]
    assert (await inspected(api, token))[1]["data"]["invited_by"] == "Till"


async def test_invitations_of_two_organizations_to_one_address_do_not_end_each_other(
    api: Api, member: Member, stranger: Member
) -> None:
    """As users of another product reported: the second link was "expired" after the first had been used."""
    body = {"email": f"{new_id()}@example.org"}
    tokens = [
        (await each.http.post("/api/invitations", json=body)).json()["data"]["token"] for each in (member, stranger)
    ]
    assert [(await accepted(api, token))[0] for token in reversed(tokens)] == [201, 201]


async def test_who_was_removed_can_be_invited_again(api: Api, member: Member) -> None:
    body = {"email": f"{new_id()}@example.org"}
    for _ in range(2):
        token = (await member.http.post("/api/invitations", json=body)).json()["data"]["token"]
        status, login = await accepted(api, token)
        assert status == 201
        assert (await member.http.delete(f"/api/users/{login['user']['id']}")).status_code == 200


@pytest.mark.parametrize("spelling", [str.upper, str.title, lambda email: f" {email} "])
async def test_another_spelling_of_an_address_is_no_other_user(api: Api, member: Member, spelling: Any) -> None:
    email = f"{new_id()}@example.org"
    token = (await member.http.post("/api/invitations", json={"email": spelling(email)})).json()["data"]["token"]
    status, login = await accepted(api, token)
    assert (status, login["user"]["email"]) == (201, email)
    async with api.client() as http:
        answer = await http.post("/api/auth/login", json={"email": spelling(email), "password": PASSWORD})
    assert answer.status_code == 200


async def test_guessed_tokens_are_counted_and_real_ones_still_work(api: Api, member: Member) -> None:
    invitation = await invited(member)
    strict = {"rate_limit_failures": 3, "http_port": free_port()}
    settings: ApiSettings = api.settings.model_copy(update=strict)
    async with running(settings) as url:
        other = Api(url, settings, api.database, api.nats)
        await api.database.rate_counters.delete_many({"_id": {"$regex": "^failed:"}})
        codes = [(await inspected(other, f"sbi_{new_id()}"))[1]["code"] for _ in range(5)]
        assert codes[0] == "invitation_invalid"
        assert codes[-1] == "too_many_failures"
        assert (await inspected(other, invitation["token"]))[0] == 200
    await api.database.rate_counters.delete_many({"_id": {"$regex": "^failed:"}})


async def test_an_invitation_of_an_earlier_version_works_and_is_deleted_some_day(api: Api, member: Member) -> None:
    invitation = await invited(member)
    unknown = {"$unset": {"kept_until": ""}}
    await api.database.invitations.update_one({"_id": invitation["id"]}, unknown)
    step = next(step for step in API_MIGRATION_STEPS if step.name == "kept invitations")
    await step.run(api.database)
    stored = await api.database.invitations.find_one({"_id": invitation["id"]})
    assert stored
    assert stored["kept_until"] == stored["expires_at"] + timedelta(days=14)
    assert (await accepted(api, invitation["token"]))[0] == 201
