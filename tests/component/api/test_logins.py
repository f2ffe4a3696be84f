"""Staying logged in: refresh tokens that work once, and what ends a login."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from tests.component.api.conftest import Member, Stage

Login = dict[str, Any]


@pytest.fixture
async def login(stage: Stage) -> Login:
    body = {"email": f"{new_id()}@example.org", "password": "a password of mine"}
    async with stage.client() as http:
        answer = await http.post("/api/auth/register", json=body)
    assert answer.status_code == 201, answer.text
    found: Login = answer.json()
    return found


async def refreshed(stage: Stage, token: str) -> httpx.Response:
    async with stage.client() as http:
        return await http.post("/api/auth/refresh", json={"refresh_token": token})


async def opened(stage: Stage, token: str) -> tuple[int, str]:
    """What the access token gets."""
    async with stage.client(Authorization=f"Bearer {token}") as http:
        answer = await http.get("/api/organization")
    return answer.status_code, answer.json().get("code", "")


async def test_a_refresh_gives_new_tokens_for_the_same_person(stage: Stage, login: Login) -> None:
    answer = await refreshed(stage, login["refresh_token"])
    new = answer.json()
    assert answer.status_code == 200
    assert new["user"] == login["user"]
    assert new["refresh_token"] != login["refresh_token"]
    assert await opened(stage, new["token"]) == (200, "")
    assert (await refreshed(stage, new["refresh_token"])).status_code == 200


async def test_a_used_refresh_token_ends_everything_that_followed_from_it(stage: Stage, login: Login) -> None:
    new = (await refreshed(stage, login["refresh_token"])).json()
    stolen = await refreshed(stage, login["refresh_token"])
    assert (stolen.status_code, stolen.json()["code"]) == (401, "refresh_token_reused")
    assert (await refreshed(stage, new["refresh_token"])).json()["code"] == "refresh_token_invalid"
    for token in (login["token"], new["token"]):
        assert await opened(stage, token) == (401, "login_ended")


async def test_of_two_who_refresh_at_once_one_gets_tokens(stage: Stage, login: Login) -> None:
    answers = await asyncio.gather(*(refreshed(stage, login["refresh_token"]) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 401]


@pytest.mark.parametrize("by", ["refresh token", "access token"])
async def test_a_logout_ends_the_login_and_no_other(stage: Stage, login: Login, by: str) -> None:
    body = {"email": login["user"]["email"], "password": "a password of mine"}
    async with stage.client() as http:
        other = (await http.post("/api/auth/login", json=body)).json()
    named = {"refresh_token": login["refresh_token"]} if by == "refresh token" else None
    headers = {} if named else {"Authorization": f"Bearer {login['token']}"}
    async with stage.client(**headers) as http:
        assert (await http.post("/api/auth/logout", json=named)).status_code == 200
    assert await opened(stage, login["token"]) == (401, "login_ended")
    assert (await refreshed(stage, login["refresh_token"])).json()["code"] == "refresh_token_invalid"
    assert await opened(stage, other["token"]) == (200, "")


async def test_a_refresh_token_logs_out_though_the_access_token_beside_it_has_expired(
    stage: Stage, login: Login
) -> None:
    async with stage.client(Authorization="Bearer expired") as http:
        alone = await http.post("/api/auth/logout")
        both = await http.post("/api/auth/logout", json={"refresh_token": login["refresh_token"]})
    assert (alone.json()["code"], both.status_code) == ("token_invalid", 200)
    assert await opened(stage, login["token"]) == (401, "login_ended")


async def test_a_login_that_idles_too_long_is_over(stage: Stage, login: Login) -> None:
    past = {"$set": {"expires_at": utc_now() - timedelta(seconds=1)}}
    await stage.database.logins.update_one({"user_id": login["user"]["id"]}, past)
    assert (await refreshed(stage, login["refresh_token"])).json()["code"] == "refresh_token_invalid"


async def test_no_refresh_lengthens_a_login_beyond_its_end(stage: Stage, login: Login) -> None:
    end = utc_now().replace(microsecond=0) + timedelta(hours=1)
    await stage.database.logins.update_one({"user_id": login["user"]["id"]}, {"$set": {"ends_at": end}})
    answer = (await refreshed(stage, login["refresh_token"])).json()
    assert answer["refresh_expires_at"] == end.isoformat().replace("+00:00", "Z")


async def test_refresh_tokens_are_kept_as_hashes_only(stage: Stage, login: Login) -> None:
    stored = await stage.database.logins.find_one({"user_id": login["user"]["id"]})
    assert stored
    assert login["refresh_token"] not in str(stored)


async def test_an_api_key_has_no_login_to_end(stage: Stage, member: Member) -> None:
    key = (await member.http.post("/api/api-keys", json={"name": "x"})).json()["data"]["key"]
    async with stage.client(**{"X-Api-Key": key}) as http:
        answer = await http.post("/api/auth/logout")
    assert (answer.status_code, answer.json()["code"]) == (409, "no_login")


@pytest.mark.parametrize("token", ["x", "sbr_", "sbr_.x", f"sbr_{'0' * 32}.x", "\x00"])
async def test_nonsense_refreshes_nothing(stage: Stage, token: str) -> None:
    answer = await refreshed(stage, token)
    assert (answer.status_code, answer.json()["code"]) == (401, "refresh_token_invalid")
