"""Changing a password: who may, and what it ends."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from nats.aio.subscription import Subscription

from services.api.store import login_attempts
from shared.contracts.events import AccessRevoked
from shared.contracts.ids import new_id
from tests.component.api.conftest import Api, Member
from tests.subscriptions import subscribed

OLD, NEW = "a password of mine", "another password of mine"


class Person:
    """A registered user, and the AccessRevoked events of their organization."""

    def __init__(self, api: Api, login: dict[str, Any], revoked_events: Subscription) -> None:
        self.api, self.login, self._revoked_events = api, login, revoked_events
        self.email = login["user"]["email"]

    async def post(self, path: str, token: str | None = None, **body: Any) -> httpx.Response:
        async with self.api.client(Authorization=f"Bearer {token or self.login['token']}") as http:
            return await http.post(path, json=body)

    async def logged_in(self, password: str) -> httpx.Response:
        async with self.api.client() as http:
            return await http.post("/api/auth/login", json={"email": self.email, "password": password})

    async def status(self, token: str) -> int:
        async with self.api.client(Authorization=f"Bearer {token}") as http:
            return (await http.get("/api/organization")).status_code

    async def next_revocation(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((await self._revoked_events.next_msg(timeout=5)).data)
        return found


@pytest.fixture
async def person(api: Api) -> AsyncIterator[Person]:
    async with api.client() as http:
        answer = await http.post("/api/auth/register", json={"email": f"{new_id()}@example.org", "password": OLD})
    login = answer.json()
    revoked_events = await api.nats.subscribe(AccessRevoked.subject_filter(login["organization_id"]))
    await subscribed(api.nats)
    yield Person(api, login, revoked_events)
    await revoked_events.unsubscribe()


async def test_only_the_new_password_is_valid(person: Person) -> None:
    answer = await person.post("/api/auth/password", old_password=OLD, new_password=NEW)
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert (await person.logged_in(NEW)).status_code == 200
    assert (await person.logged_in(OLD)).json()["code"] == "login_failed"


async def test_all_other_logins_end_with_the_old_password(person: Person) -> None:
    other = (await person.logged_in(OLD)).json()
    await person.post("/api/auth/password", old_password=OLD, new_password=NEW)
    assert await person.status(person.login["token"]) == 200
    assert await person.status(other["token"]) == 401
    refreshed = await person.post("/api/auth/refresh", refresh_token=other["refresh_token"])
    assert refreshed.json()["code"] == "refresh_token_invalid"
    event = await person.next_revocation()
    assert (event["code"], len(event["login_ids"])) == ("password_changed", 1)
    assert other["refresh_token"].startswith(f"sbr_{event['login_ids'][0]}.")


async def test_a_wrong_old_password_changes_nothing_and_counts_as_a_failed_login(
    person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_attempts, "FIRST_DELAY_MS", 60_000)
    for _ in range(3):
        answer = await person.post("/api/auth/password", old_password="a guess", new_password=NEW)
        assert (answer.status_code, answer.json()["code"]) == (403, "wrong_password")
    answer = await person.post("/api/auth/password", old_password=OLD, new_password=NEW)
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_logins")
    assert answer.headers["Retry-After"]


async def test_a_short_password_is_refused_with_its_reason(person: Person) -> None:
    answer = await person.post("/api/auth/password", old_password=OLD, new_password="short")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "new_password")
    assert OLD not in answer.text


async def test_change_and_failure_are_in_the_audit_log(api: Api, person: Person) -> None:
    await person.post("/api/auth/password", old_password="a guess", new_password=NEW)
    await person.post("/api/auth/password", old_password=OLD, new_password=NEW)
    async with api.client(Authorization=f"Bearer {person.login['token']}") as http:
        entries = (await http.get("/api/audit")).json()["data"]
    assert [entry["action"] for entry in entries[:2]] == ["change_password", "change_password_failed"]


async def test_a_key_has_no_password(api: Api, member: Member) -> None:
    key = (await member.http.post("/api/api-keys", json={"name": "x"})).json()["data"]["key"]
    async with api.client(**{"X-Api-Key": key}) as http:
        answer = await http.post("/api/auth/password", json={"old_password": OLD, "new_password": NEW})
    assert (answer.status_code, answer.json()["code"]) == (409, "no_login")


async def test_every_revocation_is_published_on_nats(api: Api, person: Person) -> None:
    organization_id = person.login["organization_id"]
    key = (await person.post("/api/api-keys", name="x")).json()["data"]
    async with (
        api.member("agent", organization_id) as agent,
        api.client(Authorization=f"Bearer {person.login['token']}") as owner,
    ):
        await owner.delete(f"/api/api-keys/{key['id']}")
        await owner.patch(f"/api/users/{agent.user_id}", json={"name": "Nina"})
        await owner.patch(f"/api/users/{agent.user_id}", json={"role": "viewer"})
        await owner.delete(f"/api/users/{agent.user_id}")
        await owner.post("/api/auth/logout")
    revoked_events = [await person.next_revocation() for _ in range(4)]
    assert [(event["code"], event["holder"], event["role"]) for event in revoked_events] == [
        ("api_key_revoked", f"key:{key['id']}", None),
        ("role_changed", agent.user_id, "viewer"),
        ("user_removed", agent.user_id, None),
        ("login_ended", None, None),
    ]


async def test_a_stolen_refresh_token_ends_sockets_too(person: Person) -> None:
    token = person.login["refresh_token"]
    await person.post("/api/auth/refresh", refresh_token=token)
    await person.post("/api/auth/refresh", refresh_token=token)
    assert (await person.next_revocation())["code"] == "login_ended"
