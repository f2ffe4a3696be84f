"""A user with somebody else's e-mail address, as an invitation allows, guesses the other password no faster."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from tests.component.api import conftest
from tests.component.api.conftest import Api, Member
from tests.security import auth_fixtures
from tests.security.auth_fixtures import PASSWORD, client_at, guess, log_in, new_email, registered

own_bus, settings, api, member = conftest.own_bus, conftest.settings, conftest.api, conftest.member
long_delays = auth_fixtures.long_delays

OWN_PASSWORD = "the attacker's own password"


async def same_email(attacker: httpx.AsyncClient, inviter: Member, email: str) -> dict[str, Any]:
    """The attacker invites the address into an organization of their own, and accepts."""
    invitation = await inviter.http.post("/api/invitations", json={"email": email})
    body = {"token": invitation.json()["data"]["token"], "password": OWN_PASSWORD}
    answer = await attacker.post("/api/auth/accept-invitation", json=body)
    assert answer.status_code == 201
    found: dict[str, Any] = answer.json()
    return found


async def test_a_device_that_is_known_to_one_user_guesses_as_a_stranger_at_the_others(api: Api, member: Member) -> None:
    async with client_at(api.url) as victim, client_at(api.url) as attacker:
        email = (await registered(victim))["user"]["email"]
        await same_email(attacker, member, email)
        answers: list[int] = []
        for _ in range(8):
            answers += await guess(attacker, email, 2)
            assert (await log_in(attacker, email, OWN_PASSWORD)).status_code == 200
        assert 429 in answers
        # the guess that waits is not made at all, whatever the attacker's own counter says
        assert (await log_in(attacker, email, PASSWORD)).status_code == 429
        assert (await log_in(victim, email)).status_code == 200


@pytest.mark.parametrize("named", [False, True])
async def test_a_login_to_one_user_forgets_no_failures_of_the_others(api: Api, member: Member, named: bool) -> None:
    """Whether or not the login names the attacker's organization."""
    async with client_at(api.url) as victim, client_at(api.url) as attacker:
        email = (await registered(victim))["user"]["email"]
        await same_email(attacker, member, email)
    answers: list[int] = []
    for _ in range(8):
        async with client_at(api.url) as stranger:  # an address nobody knows yet
            answers += await guess(stranger, email, 1)
        async with client_at(api.url) as stranger:
            body = {"email": email, "password": OWN_PASSWORD}
            more = {"organization_id": member.organization_id} if named else {}
            await stranger.post("/api/auth/login", json=body | more)
    assert 429 in answers


async def test_a_change_of_the_own_password_forgets_no_failures_of_the_others(api: Api, member: Member) -> None:
    async with client_at(api.url) as victim, client_at(api.url) as attacker:
        email = (await registered(victim))["user"]["email"]
        token = (await same_email(attacker, member, email))["token"]
    answers: list[int] = []
    for _ in range(8):
        for old in ("a guess at the own password", OWN_PASSWORD):
            async with client_at(api.url, Authorization=f"Bearer {token}") as stranger:
                body = {"old_password": old, "new_password": OWN_PASSWORD}
                answers.append((await stranger.post("/api/auth/password", json=body)).status_code)
        async with client_at(api.url) as stranger:
            answers += await guess(stranger, email, 1)
    assert 429 in answers


async def test_the_own_user_logs_in_while_the_others_have_to_wait(api: Api, member: Member) -> None:
    async with (
        client_at(api.url) as home,
        client_at(api.url) as attacker,
        client_at(api.url) as stranger,
    ):
        email = (await registered(home))["user"]["email"]
        await same_email(attacker, member, email)
        assert (await guess(stranger, email, 12))[-1] == 429
        assert (await log_in(home, email)).status_code == 200
        assert (await guess(home, email, 1)) == [429]  # the other user was left out, so it is no wrong password


async def test_a_guess_is_in_the_audit_log_of_who_was_guessed_at_though_others_had_to_wait(
    api: Api, member: Member
) -> None:
    async with client_at(api.url) as victim, client_at(api.url) as attacker:
        login = await registered(victim)
        email, bearer = login["user"]["email"], {"Authorization": f"Bearer {login['token']}"}
        await same_email(attacker, member, email)
        for _ in range(20):
            await guess(attacker, email, 1)
            await api.database.login_attempts.update_many({"_id": {"$not": {"$regex": "^device:"}}}, no_delay())
        async with asyncio.timeout(20):  # entries are written after the answer
            while await failed(victim, bearer) < 20:
                await asyncio.sleep(0.05)


def no_delay() -> dict[str, Any]:
    return {"$set": {"next_at": 0}}


async def failed(http: httpx.AsyncClient, bearer: dict[str, str]) -> int:
    entries = (await http.get("/api/audit", headers=bearer)).json()["data"]
    return sum(entry["action"] == "login_failed" for entry in entries)


async def test_an_organization_that_is_named_is_logged_in_to_however_many_others_have_the_address(
    api: Api, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.api.store.users.MAX_USERS_PER_EMAIL", 2)
    email = new_email()
    async with AsyncExitStack() as stack, client_at(api.url) as victim:
        for _ in range(2):
            other, attacker = await stack.enter_async_context(api.member()), client_at(api.url)
            await same_email(await stack.enter_async_context(attacker), other, email)
        invitation = await member.http.post("/api/invitations", json={"email": email})
        body = {"token": invitation.json()["data"]["token"], "password": PASSWORD}
        assert (await victim.post("/api/auth/accept-invitation", json=body)).status_code == 201
        body = {"email": email, "password": PASSWORD, "organization_id": member.organization_id}
        assert (await victim.post("/api/auth/login", json=body)).status_code == 200
