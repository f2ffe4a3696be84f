"""Refresh tokens that work once, and what ends a login."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from tests.component.api.conftest import Api, Member

Login = dict[str, Any]


@pytest.fixture
async def login(api: Api) -> Login:
    body = {"email": f"{new_id()}@example.org", "password": "a password of mine"}
    async with api.client() as http:
        answer = await http.post("/api/auth/register", json=body)
    assert answer.status_code == 201, answer.text
    login: Login = answer.json()
    return login


async def refreshed(api: Api, token: str) -> httpx.Response:
    async with api.client() as http:
        return await http.post("/api/auth/refresh", json={"refresh_token": token})


async def opened(api: Api, token: str) -> tuple[int, str]:
    """What the access token gets."""
    async with api.client(Authorization=f"Bearer {token}") as http:
        answer = await http.get("/api/organization")
    return answer.status_code, answer.json().get("code", "")


async def test_a_refresh_gives_new_tokens_for_the_same_person(api: Api, login: Login) -> None:
    answer = await refreshed(api, login["refresh_token"])
    new = answer.json()
    assert answer.status_code == 200
    assert new["user"] == login["user"]
    assert new["refresh_token"] != login["refresh_token"]
    assert await opened(api, new["token"]) == (200, "")
    assert (await refreshed(api, new["refresh_token"])).status_code == 200


async def test_a_reused_refresh_token_ends_the_login(api: Api, login: Login) -> None:
    new = (await refreshed(api, login["refresh_token"])).json()
    stolen = await refreshed(api, login["refresh_token"])
    assert (stolen.status_code, stolen.json()["code"]) == (401, "refresh_token_reused")
    assert (await refreshed(api, new["refresh_token"])).json()["code"] == "refresh_token_invalid"
    for token in (login["token"], new["token"]):
        assert await opened(api, token) == (401, "login_ended")


async def test_of_two_concurrent_refreshes_one_gets_tokens(api: Api, login: Login) -> None:
    answers = await asyncio.gather(*(refreshed(api, login["refresh_token"]) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 401]


@pytest.mark.parametrize("by", ["refresh token", "access token"])
async def test_a_logout_ends_the_login_and_no_other(api: Api, login: Login, by: str) -> None:
    body = {"email": login["user"]["email"], "password": "a password of mine"}
    async with api.client() as http:
        other = (await http.post("/api/auth/login", json=body)).json()
    named = {"refresh_token": login["refresh_token"]} if by == "refresh token" else None
    headers = {} if named else {"Authorization": f"Bearer {login['token']}"}
    async with api.client(**headers) as http:
        assert (await http.post("/api/auth/logout", json=named)).status_code == 200
    assert await opened(api, login["token"]) == (401, "login_ended")
    assert (await refreshed(api, login["refresh_token"])).json()["code"] == "refresh_token_invalid"
    assert await opened(api, other["token"]) == (200, "")


async def test_a_refresh_token_logs_out_though_the_access_token_beside_it_has_expired(api: Api, login: Login) -> None:
    async with api.client(Authorization="Bearer expired") as http:
        alone = await http.post("/api/auth/logout")
        both = await http.post("/api/auth/logout", json={"refresh_token": login["refresh_token"]})
    assert (alone.json()["code"], both.status_code) == ("token_invalid", 200)
    assert await opened(api, login["token"]) == (401, "login_ended")


async def test_an_idle_login_ends(api: Api, login: Login) -> None:
    past = {"$set": {"expires_at": utc_now() - timedelta(seconds=1)}}
    await api.database.logins.update_one({"user_id": login["user"]["id"]}, past)
    assert (await refreshed(api, login["refresh_token"])).json()["code"] == "refresh_token_invalid"


async def test_no_refresh_lengthens_a_login_beyond_its_end(api: Api, login: Login) -> None:
    end = utc_now().replace(microsecond=0) + timedelta(hours=1)
    await api.database.logins.update_one({"user_id": login["user"]["id"]}, {"$set": {"ends_at": end}})
    answer = (await refreshed(api, login["refresh_token"])).json()
    assert answer["refresh_expires_at"] == end.isoformat().replace("+00:00", "Z")


async def test_refresh_tokens_are_stored_as_hashes_only(api: Api, login: Login) -> None:
    stored = await api.database.logins.find_one({"user_id": login["user"]["id"]})
    assert stored
    assert login["refresh_token"] not in str(stored)


async def test_an_api_key_has_no_login_to_end(api: Api, member: Member) -> None:
    key = (await member.http.post("/api/api-keys", json={"name": "x"})).json()["data"]["key"]
    async with api.client(**{"X-Api-Key": key}) as http:
        answer = await http.post("/api/auth/logout")
    assert (answer.status_code, answer.json()["code"]) == (409, "no_login")


@pytest.mark.parametrize("token", ["x", "sbr_", "sbr_.x", f"sbr_{'0' * 32}.x", "\x00"])
async def test_nonsense_refreshes_nothing(api: Api, token: str) -> None:
    answer = await refreshed(api, token)
    assert (answer.status_code, answer.json()["code"]) == (401, "refresh_token_invalid")
