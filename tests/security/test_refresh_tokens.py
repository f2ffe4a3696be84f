"""Knowing the id of a login, which access tokens and AccessRevoked contain, is not enough to end it."""

from typing import Any

import httpx
import pytest

from services.api.store.logins import MAX_FORMER_TOKENS, LoginClient, LoginLifetime, Logins
from services.api.store.user_records import UserRecord
from shared.contracts.errors import Problem
from shared.contracts.message import utc_now
from tests.component.api import conftest
from tests.component.api.conftest import Api
from tests.security.auth_fixtures import client_at, registered

USER = UserRecord("u", "o", "u@example.org", "U", "owner", "", None, utc_now())

own_bus, settings, api = conftest.own_bus, conftest.settings, conftest.api


def login_id(login: dict[str, Any]) -> str:
    return str(login["refresh_token"]).removeprefix("sbr_").partition(".")[0]


async def goes_on(api: Api, login: dict[str, Any]) -> bool:
    async with client_at(api.url, Authorization=f"Bearer {login['token']}") as http:
        return (await http.get("/api/organization")).status_code == 200


async def shown(http: httpx.AsyncClient, path: str, token: str) -> httpx.Response:
    return await http.post(f"/api/auth/{path}", json={"refresh_token": token})


@pytest.mark.parametrize("path", ["refresh", "logout"])
@pytest.mark.parametrize("secret", ["", ".", ".made-up", "." + "A" * 43, ".{hash}"])
async def test_a_login_id_with_an_invented_secret_ends_nothing(api: Api, path: str, secret: str) -> None:
    async with client_at(api.url) as owner, client_at(api.url) as stranger:
        login = await registered(owner)
        stored = await api.database.logins.find_one({"_id": login_id(login)})
        assert stored
        made_up = f"sbr_{login_id(login)}" + secret.format(hash=stored["hash"])
        for prefix in ("sbr_", ""):
            await shown(stranger, path, prefix + made_up.removeprefix("sbr_"))
        assert await goes_on(api, login)
        assert (await shown(owner, "refresh", login["refresh_token"])).status_code == 200


async def test_a_token_of_another_login_ends_only_its_own(api: Api) -> None:
    async with client_at(api.url) as owner, client_at(api.url) as thief:
        login, other = await registered(owner), await registered(thief)
        crossed = f"sbr_{login_id(login)}.{other['refresh_token'].partition('.')[2]}"
        assert (await shown(thief, "refresh", crossed)).json()["code"] == "refresh_token_invalid"
        await shown(thief, "logout", crossed)
        assert await goes_on(api, login)


async def test_a_token_that_was_issued_and_used_still_ends_the_login(api: Api) -> None:
    async with client_at(api.url) as http:
        login = await registered(http)
        newest = login
        for _ in range(3):
            newest = (await shown(http, "refresh", newest["refresh_token"])).json()
        again = await shown(http, "refresh", login["refresh_token"])
        assert again.json()["code"] == "refresh_token_reused"
        assert not await goes_on(api, newest)


@pytest.mark.parametrize("newest", [True, False])
async def test_a_token_that_was_issued_logs_out(api: Api, newest: bool) -> None:
    async with client_at(api.url) as http:
        login = await registered(http)
        after = (await shown(http, "refresh", login["refresh_token"])).json()
        await shown(http, "logout", (after if newest else login)["refresh_token"])
        assert not await goes_on(api, after)


async def test_a_login_keeps_a_bounded_number_of_hashes_and_no_token(api: Api) -> None:
    logins = Logins(api.database.logins)
    lifetime = LoginLifetime(api.settings.refresh_idle, api.settings.refresh_longest)
    login = first = await logins.start(USER, lifetime, LoginClient("", ""))
    for _ in range(MAX_FORMER_TOKENS + 2):
        login = await logins.refresh(login.refresh_token, lifetime)
    stored = await api.database.logins.find_one({"_id": login.id})
    assert stored
    assert len(stored["former"]) == MAX_FORMER_TOKENS
    assert login.refresh_token.partition(".")[2] not in str(stored)
    with pytest.raises(Problem, match="unknown"):
        await logins.refresh(first.refresh_token, lifetime)


async def test_a_login_of_an_earlier_version_stays_open(api: Api) -> None:
    """It has no list of former hashes yet."""
    logins = Logins(api.database.logins)
    lifetime = LoginLifetime(api.settings.refresh_idle, api.settings.refresh_longest)
    login = await logins.start(USER, lifetime, LoginClient("", ""))
    await api.database.logins.update_one({"_id": login.id}, {"$unset": {"former": ""}})
    await logins.refresh(login.refresh_token, lifetime)
    with pytest.raises(Problem, match="used before"):
        await logins.refresh(login.refresh_token, lifetime)
