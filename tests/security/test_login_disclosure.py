"""Neither a refused login nor an invitation reveals who is registered."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from argon2.low_level import hash_secret

from services.api.settings import ApiSettings
from services.api.store.audit_log import AuditEvent, AuditLog
from shared.contracts.ids import new_id
from shared.platform.mongo import Document, open_mongo
from tests.component.api import conftest
from tests.component.api.conftest import Api, Member
from tests.security import auth_fixtures
from tests.security.auth_fixtures import PASSWORD, api_with, client_at, log_in, new_email, registered

own_bus, settings, api, member = conftest.own_bus, conftest.settings, conftest.api, conftest.member
long_delays = auth_fixtures.long_delays
pytestmark = pytest.mark.real_password_hashes


async def test_a_refused_login_waits_for_no_audit_entry(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the audit log is stuck, the wrong password of a known address is answered like that of an unknown one."""
    async with client_at(api.url) as home, client_at(api.url) as stranger:
        login = await registered(home)
        go_on, real = asyncio.Event(), AuditLog.record

        async def stuck(self: AuditLog, deed: AuditEvent) -> None:
            await go_on.wait()
            await real(self, deed)

        monkeypatch.setattr(AuditLog, "record", stuck)
        for email in (login["user"]["email"], new_email()):
            async with asyncio.timeout(20):
                assert (await log_in(stranger, email, "guess")).status_code == 401
        go_on.set()
        bearer = {"Authorization": f"Bearer {login['token']}"}
        async with asyncio.timeout(20):  # and it is written nevertheless
            while await actions(home, bearer) != ["login_failed", "register"]:
                await asyncio.sleep(0.05)


async def actions(http: httpx.AsyncClient, bearer: dict[str, str]) -> list[str]:
    return [entry["action"] for entry in (await http.get("/api/audit", headers=bearer)).json()["data"]]


async def test_an_audit_log_that_fails_ends_no_background_task(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async with client_at(api.url) as home, client_at(api.url) as stranger:
        login, real, failures = await registered(home), AuditLog.record, iter([True, True])

        async def failing(self: AuditLog, deed: AuditEvent) -> None:
            if next(failures, False):
                raise RuntimeError("made up")
            await real(self, deed)

        monkeypatch.setattr(AuditLog, "record", failing)
        for _ in range(3):
            await log_in(stranger, login["user"]["email"], "guess")
        bearer = {"Authorization": f"Bearer {login['token']}"}
        async with asyncio.timeout(20):
            while await actions(home, bearer) != ["login_failed", "register"]:
                await asyncio.sleep(0.05)


def shape(profiled: Document) -> tuple[str, str, str]:
    return (
        profiled["op"],
        profiled["ns"].partition(".")[2],
        str(sorted(profiled.get("command", {}).get("filter", {}))),
    )


@pytest.fixture
async def watched(settings: ApiSettings) -> AsyncIterator[tuple[str, Any]]:
    """An api on a database of its own that profiles every operation."""
    changes = {"mongo_database": f"watched_{new_id()[:8]}"}
    async with (
        api_with(settings, **changes) as url,
        open_mongo(settings.model_copy(update=changes)) as database,
    ):
        yield url, database
        await database.command({"profile": 0})


async def test_a_refused_login_does_the_same_for_known_and_unknown_addresses(watched: tuple[str, Any]) -> None:
    url, database = watched
    async with client_at(url) as home:
        known = (await registered(home))["user"]["email"]
    done: list[list[tuple[str, str, str]]] = []
    for email in (known, new_email()):
        await database.command({"profile": 0})
        await database.system.profile.drop()
        await database.command({"profile": 2})
        async with client_at(url) as stranger:
            assert (await log_in(stranger, email, "guess")).status_code == 401
        await database.command({"profile": 0})
        found = database.system.profile.find({"ns": {"$not": {"$regex": "audit$|system|cmd$"}}}).sort("ts", 1)
        done.append([shape(one) async for one in found])
    assert done[0] == done[1]
    assert [collection for _, collection, _ in done[0]] == [
        "users",
        "login_devices",
        "login_attempts",
        "login_attempts",
    ]


async def invite(owner: Member, email: str) -> httpx.Response:
    return await owner.http.post("/api/invitations", json={"email": email})


async def accept(api: Api, token: str, password: str = PASSWORD) -> httpx.Response:
    async with client_at(api.url) as http:
        return await http.post("/api/auth/accept-invitation", json={"token": token, "password": password})


async def test_an_invitation_does_not_reveal_whether_an_address_is_registered_elsewhere(
    api: Api, member: Member
) -> None:
    async with client_at(api.url) as victim:
        known = (await registered(victim))["user"]["email"]
    seen: list[Any] = []
    for email in (known, new_email()):
        made = await invite(member, email)
        used = await accept(api, made.json()["data"]["token"])
        again = await accept(api, made.json()["data"]["token"])
        seen.append([(answer.status_code, sorted(answer.json())) for answer in (made, used, again)])
        assert used.json()["organization_id"] == member.organization_id
    assert seen[0] == seen[1]


async def test_an_account_created_for_a_victims_address_gets_nothing_of_the_victim(api: Api, member: Member) -> None:
    async with client_at(api.url) as home:
        victim = await registered(home)
        email = victim["user"]["email"]
        token = (await invite(member, email)).json()["data"]["token"]
        attacker = (await accept(api, token, "the attacker's password")).json()
        assert attacker["user"]["id"] != victim["user"]["id"]
        for password, owner in ((PASSWORD, victim), ("the attacker's password", attacker)):
            async with client_at(api.url) as http:
                found = (await log_in(http, email, password)).json()
            assert (found["organization_id"], found["user"]["id"]) == (owner["organization_id"], owner["user"]["id"])
        async with client_at(api.url) as http:  # removing the one leaves the other alone
            await member.http.delete(f"/api/users/{attacker['user']['id']}")
            assert (await log_in(http, email)).json()["organization_id"] == victim["organization_id"]


async def test_a_login_costs_one_hash_however_many_users_an_address_has(
    api: Api, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number of hashes would reveal by its time what the invitation does not."""
    computed: list[str] = []

    def counted(*given: Any, **more: Any) -> bytes:
        computed.append("")
        return hash_secret(*given, **more)

    monkeypatch.setattr("services.api.access.passwords.hash_secret", counted)
    async with client_at(api.url) as home, client_at(api.url) as stranger:
        email = (await registered(home))["user"]["email"]
        async with api.member() as other:
            for owner in (member, other):
                token = (await invite(owner, email)).json()["data"]["token"]
                assert (await accept(api, token, f"password {owner.user_id}")).status_code == 201
        for wrong in (email, new_email()):
            computed.clear()
            assert (await log_in(stranger, wrong, "guess")).status_code == 401
            assert len(computed) == 1


async def test_who_is_a_user_of_two_organizations_with_one_password_names_the_one(api: Api, member: Member) -> None:
    async with client_at(api.url) as http:
        first = await registered(http)
        email = first["user"]["email"]
        await accept(api, (await invite(member, email)).json()["data"]["token"])
        assert (await log_in(http, email)).json()["organization_id"] == first["organization_id"]
        for organization_id in (first["organization_id"], member.organization_id):
            body = {"email": email, "password": PASSWORD, "organization_id": organization_id}
            answer = await http.post("/api/auth/login", json=body)
            assert answer.json()["organization_id"] == organization_id
        body = {"email": email, "password": PASSWORD, "organization_id": "another"}
        assert (await http.post("/api/auth/login", json=body)).json()["code"] == "login_failed"


async def test_a_user_of_the_own_organization_is_named(api: Api, member: Member) -> None:
    """That is no secret: a caller who may invite may also list the users."""
    email = new_email()
    tokens = [(await invite(member, email)).json()["data"]["token"] for _ in range(2)]
    answers = [await accept(api, token) for token in tokens]
    assert [answer.status_code for answer in answers] == [201, 409]
    assert (await invite(member, email)).json()["code"] == "email_taken"
