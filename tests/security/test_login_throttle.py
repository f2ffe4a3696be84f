"""Password guessing gets slower, and never locks the owner out."""

import asyncio
from collections import Counter

import pytest

from services.api.settings import ApiSettings
from services.api.store import login_attempts
from services.api.store.login_attempts import LoginAttempts, LoginBucket
from services.api.store.login_devices import MAX_DEVICES_PER_ADDRESS, MAX_DEVICES_PER_USER, LoginDevices, LoginOrigin
from shared.contracts.ids import new_id
from tests.component.api import conftest
from tests.component.api.conftest import Api
from tests.security import auth_fixtures
from tests.security.auth_fixtures import (
    PASSWORD,
    api_with,
    client_at,
    delays_are_over,
    guess,
    log_in,
    new_address,
    new_email,
    registered,
)

own_bus, settings, api = conftest.own_bus, conftest.settings, conftest.api
long_delays = auth_fixtures.long_delays


async def test_a_known_device_passes_while_a_stranger_at_the_same_address_guesses(api: Api) -> None:
    address = new_address()
    async with client_at(api.url, address) as owner, client_at(api.url, address) as stranger:
        email = (await registered(owner))["user"]["email"]
        assert (await guess(stranger, email, 12))[-1] == 429
        assert (await log_in(owner, email)).status_code == 200


async def test_a_known_device_passes_from_another_address(api: Api) -> None:
    async with (
        client_at(api.url) as home,
        client_at(api.url) as train,
        client_at(api.url) as stranger,
    ):
        email = (await registered(home))["user"]["email"]
        assert (await guess(stranger, email, 12))[-1] == 429
        train.cookies = home.cookies
        assert (await log_in(train, email)).status_code == 200


async def test_a_known_address_passes_without_cookies(api: Api) -> None:
    address = new_address()
    async with client_at(api.url, address) as first, client_at(api.url) as stranger:
        email = (await registered(first))["user"]["email"]
        assert (await guess(stranger, email, 12))[-1] == 429
    async with client_at(api.url, address) as program:
        assert (await log_in(program, email)).status_code == 200


async def test_an_owner_at_an_unknown_device_waits_a_minute_at_most_and_is_never_locked_out(
    api: Api,
) -> None:
    async with client_at(api.url) as home:
        email = (await registered(home))["user"]["email"]
    for _ in range(5):
        async with client_at(api.url) as stranger:
            await guess(stranger, email, 1)
        await delays_are_over(api)
    async with client_at(api.url) as stranger, client_at(api.url) as owner:
        await guess(stranger, email, 1)
        waits = await log_in(owner, email)
        assert (waits.status_code, waits.json()["code"]) == (429, "too_many_logins")
        assert 0 < waits.json()["retry_after"] == int(waits.headers["Retry-After"]) <= 60
        await delays_are_over(api)
        assert (await log_in(owner, email)).status_code == 200


async def test_a_delayed_attempt_is_not_counted(api: Api) -> None:
    """Otherwise a stranger who keeps guessing would make the delay endless."""
    async with (
        client_at(api.url) as home,
        client_at(api.url) as stranger,
        client_at(api.url) as owner,
    ):
        email = (await registered(home))["user"]["email"]
        await guess(stranger, email, 3)
        failures = {found["_id"]: found["failures"] async for found in api.database.login_attempts.find()}
        assert set(await guess(stranger, email, 20)) == {429}
        after = {found["_id"]: found["failures"] async for found in api.database.login_attempts.find()}
        assert after == failures
        await delays_are_over(api)
        assert (await log_in(owner, email)).status_code == 200


async def test_replicas_count_together(api: Api, settings: ApiSettings) -> None:
    async with api_with(settings) as other, client_at(api.url) as one, client_at(other) as two:
        async with client_at(other) as own:
            email = (await registered(own))["user"]["email"]
        assert await guess(one, email, 3) == [401, 401, 401]
        assert await guess(two, email, 1) == [429]


async def test_many_guesses_at_the_same_time_gain_nothing(api: Api) -> None:
    async with client_at(api.url) as home, client_at(api.url) as stranger:
        email = (await registered(home))["user"]["email"]
        answers = await asyncio.gather(*(log_in(stranger, email, f"guess {number}") for number in range(20)))
    counts = Counter(answer.status_code for answer in answers)
    assert (counts[401], counts[429]) == (3, 17)


async def test_an_address_is_bounded_over_all_accounts_it_tries(api: Api, settings: ApiSettings) -> None:
    async with api_with(settings, login_failures_address=5) as url, client_at(url) as stranger, client_at(url) as other:
        tries = [(await guess(stranger, new_email(), 1))[0] for _ in range(8)]
        assert tries == [401] * 5 + [429] * 3
        assert await guess(other, new_email(), 1) == [401]


async def test_logins_to_an_account_of_ones_own_make_no_room_for_guesses(api: Api, settings: ApiSettings) -> None:
    async with api_with(settings, login_failures_address=4) as url, client_at(url) as home, client_at(url) as stranger:
        own = (await registered(home))["user"]["email"]
        tries: list[int] = []
        for _ in range(6):
            tries += await guess(stranger, new_email(), 1)
            stranger.cookies.clear()
            await api.database.login_devices.delete_many({})
            await log_in(stranger, own)
        assert tries.count(401) <= 4


async def test_the_delay_doubles_up_to_its_bound(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_attempts, "FIRST_DELAY_MS", 100_000)
    attempts, bucket = LoginAttempts(api.database.login_attempts), LoginBucket(f"test:{new_id()}", 3, 6_000_000)
    waits: list[int] = []
    for number in range(12):
        assert (await attempts.take(bucket)).wait_s == 0
        waits.append((await attempts.take(bucket)).wait_s if number >= 2 else 0)
        await delays_are_over(api)
    hundreds = [round(wait / 100) for wait in waits]  # seconds that pass in between make no difference
    assert hundreds == [0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60, 60]


async def test_an_ipv6_network_is_one_address(settings: ApiSettings) -> None:
    changes = {"login_failures_address": 2, "trusted_proxies": "127.0.0.0/8"}
    async with api_with(settings, **changes) as url, client_at(url) as proxy:
        sent = [f"2001:db8:{new_id()[:4]}::{number}" for number in range(1, 2)]
        network = sent[0].rpartition("::")[0]
        answers = [
            (await log_in(proxy, new_email(), **{"X-Forwarded-For": f"{network}::{number}"})).status_code
            for number in range(1, 5)
        ]
    assert answers == [401, 401, 429, 429]


async def test_a_made_up_device_or_one_of_another_user_is_not_known(api: Api) -> None:
    async with client_at(api.url) as home, client_at(api.url) as stranger:
        victim = (await registered(home))["user"]
        await registered(stranger)
        (stolen_name,) = home.cookies.keys()
        (own_token,) = stranger.cookies.values()
        assert (await guess(stranger, victim["email"], 12))[-1] == 429
        for token in (own_token, "sbd_" + "A" * 43, "", "x" * 5_000, "$where"):
            cookie = {"Cookie": f"{stolen_name}={token}"}
            assert (await log_in(stranger, victim["email"], "guess", **cookie)).status_code == 429


async def test_a_stolen_device_guesses_no_faster(api: Api) -> None:
    async with client_at(api.url) as home:
        email = (await registered(home))["user"]["email"]
        assert await guess(home, email, 6) == [401] * 3 + [429] * 3


@pytest.mark.parametrize(("proto", "secure"), [("http", False), ("https", True)])
async def test_the_device_cookie_is_for_the_server_only(settings: ApiSettings, proto: str, secure: bool) -> None:
    async with api_with(settings, trusted_proxies="127.0.0.0/8") as url, client_at(url) as browser:
        body = {"email": new_email(), "password": PASSWORD}
        answer = await browser.post("/api/auth/register", json=body, headers={"X-Forwarded-Proto": proto})
    cookie = {part.strip().lower().partition("=")[0] for part in answer.headers["Set-Cookie"].split(";")[1:]}
    assert cookie == {"httponly", "max-age", "path", "samesite"} | ({"secure"} if secure else set())
    assert "samesite=strict" in answer.headers["Set-Cookie"].lower()
    assert "Path=/api/auth" in answer.headers["Set-Cookie"]


async def test_device_tokens_are_stored_as_hashes_and_bounded(api: Api) -> None:
    devices, user_id = LoginDevices(api.database.login_devices, api.settings.device_ttl), new_id()
    token = await devices.remember(user_id, LoginOrigin("192.0.2.1"))
    assert token not in str(await api.database.login_devices.find({"user_id": user_id}).to_list(None))
    for _ in range(MAX_DEVICES_PER_ADDRESS + 3):  # a program without cookies does not drive out other devices
        await devices.remember(user_id, LoginOrigin("192.0.2.2"))
    assert await api.database.login_devices.count_documents({"user_id": user_id}) == 1 + MAX_DEVICES_PER_ADDRESS
    assert await devices.known_clients({user_id: LoginOrigin("192.0.2.9", token)})
    for number in range(MAX_DEVICES_PER_USER + 3):
        await devices.remember(user_id, LoginOrigin(f"198.51.100.{number}"))
    assert await api.database.login_devices.count_documents({"user_id": user_id}) == MAX_DEVICES_PER_USER


async def test_a_new_password_makes_other_devices_unknown(api: Api) -> None:
    async with (
        client_at(api.url) as home,
        client_at(api.url) as thief,
        client_at(api.url) as stranger,
    ):
        login = await registered(home)
        email = login["user"]["email"]
        assert (await log_in(thief, email)).status_code == 200
        bearer = {"Authorization": f"Bearer {login['token']}"}
        body = {"old_password": PASSWORD, "new_password": "another password of mine"}
        assert (await home.post("/api/auth/password", json=body, headers=bearer)).status_code == 200
        assert (await guess(stranger, email, 12))[-1] == 429
        assert await guess(thief, email, 1) == [429]
        assert (await log_in(home, email, "another password of mine")).status_code == 200


async def test_a_wrong_current_password_counts_as_a_failed_login(api: Api) -> None:
    """With a stolen access token the password is guessed no faster, and the owner's device is not delayed by it."""
    async with client_at(api.url) as home, client_at(api.url) as thief:
        login = await registered(home)
        bearer = {"Authorization": f"Bearer {login['token']}"}
        body = {"old_password": "a guess", "new_password": "another password of mine"}
        tries = [(await thief.post("/api/auth/password", json=body, headers=bearer)).status_code for _ in range(5)]
        assert tries == [403] * 3 + [429] * 2
        assert await guess(thief, login["user"]["email"], 1) == [429]
        assert (await log_in(home, login["user"]["email"])).status_code == 200


async def test_attempts_that_need_not_wait_never_wait_for_each_other(api: Api) -> None:
    """Two that begin in the order of one clock and are written in the other order."""
    attempts, bucket = (
        LoginAttempts(api.database.login_attempts),
        LoginBucket(f"test:{new_id()}", 10_000, 60_000),
    )
    taken = await asyncio.gather(*(attempts.take(bucket) for _ in range(200)))
    assert {one.wait_s for one in taken} == {0}
