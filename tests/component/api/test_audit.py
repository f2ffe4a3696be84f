"""The audit log: every change by a caller with the scope `manage`: who, what, when and from where."""

from typing import Any

from shared.contracts.ids import new_id
from tests.component.api.conftest import Api, Member


async def entries(member: Member, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await member.get("/api/audit", **query))["data"]
    return found


async def test_a_change_is_in_the_log_with_who_what_and_from_where(member: Member) -> None:
    instance = await member.instance()
    headers = {"X-Request-Id": "change-7"}
    path = f"/api/whatsapp/instances/{instance}"
    assert (await member.http.patch(path, json={"instance_name": "New"}, headers=headers)).status_code == 200
    changed, made = await entries(member)
    assert (changed["actor"], changed["action"]) == (member.user_id, "change_instance")
    assert (changed["target"], changed["request_id"]) == ({"instance_id": instance}, "change-7")
    assert changed["address"] == "127.0.0.1"
    assert made["action"] == "create_instance"
    assert made["at"] <= changed["at"]


async def test_reads_and_refused_requests_are_not_in_it(member: Member) -> None:
    await member.get("/api/api-keys")
    assert (await member.http.delete("/api/api-keys/unknown")).status_code == 404
    assert (await member.http.post("/api/whatsapp/instances", json={})).status_code == 400
    assert await entries(member) == []


async def test_a_repeated_request_is_in_it_once(member: Member) -> None:
    for _ in range(2):
        headers = {"Idempotency-Key": "k"}
        await member.http.post("/api/whatsapp/instances", json={"instance_name": "x"}, headers=headers)
    assert len(await entries(member)) == 1


async def test_a_key_is_named_by_its_id(api: Api, member: Member) -> None:
    body = {"name": "Till", "scopes": ["manage", "read"]}
    key = (await member.http.post("/api/api-keys", json=body)).json()["data"]
    async with api.client(**{"X-Api-Key": key["key"]}) as http:
        assert (await http.post("/api/whatsapp/instances", json={"instance_name": "x"})).status_code == 200
    found = await entries(member, actor=f"key:{key['id']}")
    assert [entry["action"] for entry in found] == ["create_instance"]
    assert key["key"] not in str(await api.database.audit.find().to_list(None))


async def test_logins_are_in_it_and_failed_ones_too(api: Api) -> None:
    email, password = f"{new_id()}@example.org", "a password of mine"
    async with api.client() as http:
        login = (await http.post("/api/auth/register", json={"email": email, "password": password})).json()
        await http.post("/api/auth/login", json={"email": email, "password": "another one"})
        await http.post("/api/auth/login", json={"email": email, "password": password})
    async with api.client(Authorization=f"Bearer {login['token']}") as http:
        found = await entries(Member(http, login["organization_id"]))
    assert [entry["action"] for entry in found] == ["login", "login_failed", "register"]
    assert {entry["actor"] for entry in found} == {login["user"]["id"]}


async def test_the_log_is_read_in_pages_and_by_action(member: Member) -> None:
    for _ in range(3):
        await member.instance()
    await member.http.post("/api/api-keys", json={"name": "x"})
    first = await member.get("/api/audit", limit=2, action="create_instance")
    rest = await member.get("/api/audit", limit=2, action="create_instance", cursor=first["next_cursor"])
    assert (len(first["data"]), len(rest["data"]), rest["next_cursor"]) == (2, 1, None)


async def test_the_log_is_for_those_who_manage(api: Api, member: Member) -> None:
    async with api.member("agent", member.organization_id) as agent:
        assert (await agent.http.get("/api/audit")).json()["code"] == "scope_missing"
