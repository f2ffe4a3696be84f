"""The caller's own profile: who they are, their name and preferences; changes of two tabs at once both count."""

import asyncio
from typing import Any

import pytest

from tests.component.api.conftest import Api, Member

DEFAULTS = {
    "language": None,
    "sound": True,
    "desktop_notifications": False,
    "quiet_from": None,
    "quiet_until": None,
    "shortcuts": True,
    "compact_rows": False,
    "theme": "system",
    "tour_finished": False,
}


async def test_a_profile_says_who_the_caller_is(api: Api, member: Member) -> None:
    async with api.member("agent", member.organization_id) as agent:
        profile = (await agent.get("/api/me"))["data"]
    assert profile == {
        "id": agent.user_id,
        "email": f"{agent.user_id}@example.org",
        "name": "agent",
        "role": "agent",
        "scopes": ["read", "send"],
        "organization_id": member.organization_id,
        "organization_name": "Acme",
        "preferences": DEFAULTS,
    }


async def test_what_is_changed_is_kept_and_the_rest_stays(api: Api, member: Member) -> None:
    first = {"name": "Nina", "preferences": {"language": "pt-BR", "theme": "dark"}}
    second = {"preferences": {"language": None, "quiet_from": "22:00", "quiet_until": "07:30"}}
    for body in (first, second, {}):
        answer = await member.http.patch("/api/me", json=body)
        assert answer.status_code == 200, answer.text
    expected = DEFAULTS | {"theme": "dark", "quiet_from": "22:00", "quiet_until": "07:30"}
    for profile in (answer.json()["data"], (await member.get("/api/me"))["data"]):
        assert (profile["name"], profile["preferences"]) == ("Nina", expected)
    assert (await member.get(f"/api/users/{member.user_id}"))["data"]["name"] == "Nina"


async def test_tabs_that_change_different_fields_at_once_both_count(member: Member) -> None:
    changes: dict[str, Any] = {
        "language": "es",
        "sound": False,
        "desktop_notifications": True,
        "shortcuts": False,
        "compact_rows": True,
        "theme": "light",
        "tour_finished": True,
    }
    requests = [member.http.patch("/api/me", json={"preferences": {name: changes[name]}}) for name in changes]
    answers = await asyncio.gather(*requests, member.http.patch("/api/me", json={"name": "Nina"}))
    assert {answer.status_code for answer in answers} == {200}
    profile = (await member.get("/api/me"))["data"]
    assert (profile["name"], profile["preferences"]) == ("Nina", DEFAULTS | changes)


@pytest.mark.parametrize(
    "preferences",
    [
        {"language": "de"},
        {"language": "pt-br"},
        {"sound": None},
        {"sound": "yes"},
        {"sound": 1},
        {"theme": None},
        {"theme": "blue"},
        {"quiet_from": "22:00"},
        {"quiet_until": None},
        {"quiet_from": "22:00", "quiet_until": None},
        {"quiet_from": "22:00", "quiet_until": "22:00"},
        {"quiet_from": "24:00", "quiet_until": "07:00"},
        {"quiet_from": "7:00", "quiet_until": "08:00"},
        {"quiet_from": "٢٢:٠٠", "quiet_until": "08:00"},
        {"quiet_from": "22:00\n", "quiet_until": "08:00"},
        {"colour": "red"},
        {"$where": "1"},
        {"language.x": "en"},
        None,
    ],
)
async def test_a_preference_that_cannot_be_changes_nothing(member: Member, preferences: Any) -> None:
    answer = await member.http.patch("/api/me", json={"name": "Nina", "preferences": preferences})
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")
    profile = (await member.get("/api/me"))["data"]
    assert (profile["name"], profile["preferences"]) == ("owner", DEFAULTS)


@pytest.mark.parametrize("body", [{"role": "owner"}, {"email": "a@example.org"}, {"name": None}, {"name": "a\nb"}])
async def test_nobody_changes_more_than_name_and_preferences(member: Member, body: dict[str, Any]) -> None:
    assert (await member.http.patch("/api/me", json=body)).status_code == 422


async def test_a_viewer_changes_their_own_name_which_the_audit_log_records(api: Api, member: Member) -> None:
    async with api.member("viewer", member.organization_id) as viewer:
        assert (await viewer.http.patch("/api/me", json={"name": "Vera"})).status_code == 200
        assert (await viewer.http.patch("/api/me", json={"preferences": {"sound": False}})).status_code == 200
    entries = (await member.get("/api/audit"))["data"]
    assert [(entry["action"], entry["actor"], entry["target"]) for entry in entries] == [
        ("change_profile", viewer.user_id, {"user_id": viewer.user_id})
    ]


async def test_a_key_has_no_profile(api: Api, member: Member) -> None:
    key = (await member.http.post("/api/api-keys", json={"name": "x"})).json()["data"]["key"]
    async with api.client(**{"X-Api-Key": key}) as http:
        answers = [await http.get("/api/me"), await http.patch("/api/me", json={"name": "x"})]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "no_login")] * 2


async def test_preferences_of_one_user_are_not_those_of_another(api: Api, member: Member) -> None:
    async with api.member("agent", member.organization_id) as agent:
        await agent.http.patch("/api/me", json={"preferences": {"theme": "dark"}})
    assert (await member.get("/api/me"))["data"]["preferences"] == DEFAULTS
