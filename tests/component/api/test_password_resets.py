"""A forgotten password: who may make a link for whom, what it does once, and why it is refused."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from services.api.store.audit_log import AuditLog
from services.api.store.login_devices import LoginDevices
from services.api.store.logins import Logins
from shared.contracts.events import AccessRevoked
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.contracts.principal import Role
from tests.component.api.conftest import Api, Member
from tests.subscriptions import subscribed

OLD, NEW = "a password of mine", "another password of mine"


class Person:
    """An agent of the member's organization with a password and a login, who forgets the password."""

    def __init__(self, api: Api, owner: Member, email: str, login: dict[str, Any]) -> None:
        self._served, self._owner, self.email, self.login = api, owner, email, login
        self.user_id = login["user"]["id"]

    async def post(self, path: str, bearer: str = "", **body: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        async with self._served.client(**headers) as http:
            return await http.post(f"/api/auth/{path}", json=body)

    async def link(self) -> str:
        answer = await self._owner.http.post(f"/api/users/{self.user_id}/password-reset")
        assert answer.status_code == 201, answer.text
        return str(answer.json()["data"]["token"])

    async def reset(self, token: str, password: str = NEW) -> tuple[int, Any]:
        answer = await self.post("password-reset", token=token, password=password)
        return answer.status_code, answer.json()

    async def refusals(self, token: str) -> list[tuple[int, str]]:
        """Of looking and of using."""
        looked = await self.post("password-reset/inspect", token=token)
        status, body = await self.reset(token)
        return [(looked.status_code, looked.json()["code"]), (status, body["code"])]

    async def logged_in(self, password: str) -> int:
        return (await self.post("login", email=self.email, password=password)).status_code

    async def works(self, token: str) -> bool:
        async with self._served.client(Authorization=f"Bearer {token}") as http:
            return (await http.get("/api/organization")).status_code == 200


@pytest.fixture
async def person(api: Api, member: Member) -> Person:
    email = f"{new_id()}@example.org"
    token = (await member.http.post("/api/invitations", json={"email": email})).json()["data"]["token"]
    async with api.client() as http:
        answer = await http.post("/api/auth/accept-invitation", json={"token": token, "password": OLD})
    assert answer.status_code == 201, answer.text
    return Person(api, member, email, answer.json())


async def test_a_link_sets_a_new_password_once_and_ends_every_other_login(
    api: Api, member: Member, person: Person
) -> None:
    revoked_events = await api.nats.subscribe(AccessRevoked.subject_filter(member.organization_id))
    await subscribed(api.nats)
    token = await person.link()
    for _ in range(2):
        looked = (await person.post("password-reset/inspect", token=token)).json()["data"]
        assert (looked["email"], looked["organization_name"]) == (person.email, "Acme")
        assert looked["name"] == person.login["user"]["name"]
    expires_in = datetime.fromisoformat(looked["expires_at"]) - datetime.now(UTC)
    assert timedelta(hours=23) < expires_in <= timedelta(hours=24)
    assert (await person.logged_in(OLD)) == 200, "nothing has changed yet"
    status, login = await person.reset(token)
    assert (status, login["user"]["id"]) == (200, person.user_id)
    assert [await person.works(each["token"]) for each in (person.login, login)] == [False, True]
    assert [await person.logged_in(password) for password in (OLD, NEW)] == [401, 200]
    event = AccessRevoked.model_validate_json((await revoked_events.next_msg(timeout=5)).data)
    assert event.code == "password_changed"
    assert len(event.login_ids) == 2
    await revoked_events.unsubscribe()
    assert await person.refusals(token) == [(409, "password_reset_used")] * 2


async def test_the_token_is_stored_as_a_hash_and_each_step_is_in_the_audit_log(
    api: Api, member: Member, person: Person
) -> None:
    token = await person.link()
    stored = await api.database.password_resets.find_one({"user_id": person.user_id})
    assert stored
    assert token not in str(stored)
    assert (await person.reset(token))[0] == 200
    entries = (await member.get("/api/audit"))["data"][:3]
    assert [(entry["action"], entry["actor"]) for entry in entries] == [
        ("login", person.user_id),
        ("reset_password", person.user_id),
        ("create_password_reset", member.user_id),
    ]
    assert entries[2]["target"] == {"user_id": person.user_id}


async def test_each_refusal_says_why(api: Api, member: Member, person: Person) -> None:
    older, newer = await person.link(), await person.link()
    assert await person.refusals(older) == [(410, "password_reset_replaced")] * 2
    past = {"$set": {"expires_at": utc_now() - timedelta(seconds=1)}}
    await api.database.password_resets.update_many({"user_id": person.user_id, "replaced_at": None}, past)
    assert await person.refusals(newer) == [(410, "password_reset_expired")] * 2
    invitation = (await member.http.post("/api/invitations", json={"email": "x@example.org"})).json()["data"]["token"]
    for unknown in (f"sbp_{new_id()}", "x", "\x00", "$ne", invitation):
        assert await person.refusals(unknown) == [(404, "password_reset_invalid")] * 2
    assert await person.logged_in(OLD) == 200


async def test_a_password_that_was_changed_since_ends_the_link(person: Person) -> None:
    token = await person.link()
    changed = await person.post("password", person.login["token"], old_password=OLD, new_password=NEW)
    assert changed.status_code == 200
    assert await person.refusals(token) == [(410, "password_reset_replaced")] * 2


async def test_a_link_used_twice_at_once_sets_one_password(person: Person) -> None:
    token = await person.link()
    passwords = [f"password number {number}" for number in range(4)]
    answers = await asyncio.gather(*(person.reset(token, password) for password in passwords))
    assert sorted(status for status, _ in answers) == [200, 409, 409, 409]
    winner = next(password for password, (status, _) in zip(passwords, answers, strict=True) if status == 200)
    assert await person.logged_in(winner) == 200
    loser = next(password for password in passwords if password != winner)
    assert await person.logged_in(loser) == 401


async def test_links_made_at_the_same_time_leave_one_that_works(person: Person) -> None:
    tokens = await asyncio.gather(*(person.link() for _ in range(4)))
    statuses = [(await person.post("password-reset/inspect", token=token)).status_code for token in tokens]
    assert sorted(statuses) == [200, 410, 410, 410]


@pytest.mark.parametrize(
    ("caller", "target", "status", "code"),
    [
        ("owner", "owner", 201, None),
        ("admin", "admin", 201, None),
        ("admin", "viewer", 201, None),
        ("admin", "owner", 403, "role_missing"),
        ("agent", "viewer", 403, "scope_missing"),
        ("viewer", "viewer", 403, "scope_missing"),
    ],
)
async def test_who_may_make_a_link_for_whom(
    api: Api, member: Member, caller: Role, target: Role, status: int, code: str | None
) -> None:
    async with AsyncExitStack() as stack:
        roles: tuple[Role, ...] = (caller, target)
        users = [await stack.enter_async_context(api.member(role, member.organization_id)) for role in roles]
        answer = await users[0].http.post(f"/api/users/{users[1].user_id}/password-reset")
    assert (answer.status_code, answer.json().get("code")) == (status, code)


async def test_a_key_makes_no_link_for_more_scopes_than_it_has(api: Api, member: Member, person: Person) -> None:
    body = {"name": "x", "scopes": ["manage"]}
    key = (await member.http.post("/api/api-keys", json=body)).json()["data"]["key"]
    async with api.client(**{"X-Api-Key": key}) as http:
        answer = await http.post(f"/api/users/{person.user_id}/password-reset")
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


async def test_nobody_makes_a_link_for_a_user_of_another_organization(stranger: Member, person: Person) -> None:
    answer = await stranger.http.post(f"/api/users/{person.user_id}/password-reset")
    assert (answer.status_code, answer.json()["code"]) == (404, "user_not_found")


@pytest.mark.parametrize("ending", ["demoted", "removed", "target promoted", "target removed"])
async def test_a_link_ends_with_the_rights_of_who_made_it(
    api: Api, member: Member, person: Person, ending: str
) -> None:
    path = f"/api/users/{person.user_id}"
    async with api.member("admin", member.organization_id) as admin:
        token = (await admin.http.post(f"{path}/password-reset")).json()["data"]["token"]
        changes = {
            "demoted": ("PATCH", f"/api/users/{admin.user_id}", {"role": "agent"}),
            "removed": ("DELETE", f"/api/users/{admin.user_id}", None),
            "target promoted": ("PATCH", path, {"role": "owner"}),
            "target removed": ("DELETE", path, None),
        }
        method, changed, body = changes[ending]
        assert (await member.http.request(method, changed, json=body)).status_code == 200
    assert await person.refusals(token) == [(410, "password_reset_withdrawn")] * 2


@pytest.mark.parametrize(
    "step", [(Logins, "end_all_of"), (LoginDevices, "forget_all_of"), (AuditLog, "record")], ids=lambda step: step[1]
)
async def test_a_reset_that_was_interrupted_changed_nothing_and_can_be_repeated(
    person: Person, monkeypatch: pytest.MonkeyPatch, step: tuple[type[Any], str]
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError(step[1])

    token = await person.link()
    with monkeypatch.context() as breaking:
        breaking.setattr(*step, broken)
        assert (await person.reset(token))[0] == 500
    assert await person.works(person.login["token"])
    assert (await person.reset(token))[0] == 200
    assert not await person.works(person.login["token"])


async def test_a_short_password_is_refused_and_uses_nothing_up(person: Person) -> None:
    token = await person.link()
    status, body = await person.reset(token, "short")
    assert (status, body["errors"][0]["field"]) == (422, "password")
    assert token not in str(body)
    assert (await person.reset(token))[0] == 200
