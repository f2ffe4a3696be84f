"""Logins and registrations of strangers do not keep others from logging in."""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from argon2 import PasswordHasher

from services.api.access import passwords
from services.api.access.hash_queue import MAX_HASHES_PER_CLIENT, HashClient, PasswordHashQueue
from services.api.access.passwords import Passwords
from services.api.settings import ApiSettings
from services.api.store.login_attempts import BucketAttempt, LoginAttempts, LoginBucket
from shared.contracts.errors import Problem
from shared.contracts.ids import new_id
from tests.component.api import conftest
from tests.component.api.conftest import Api, Member
from tests.security import auth_fixtures
from tests.security.auth_fixtures import PASSWORD, api_with, client_at, log_in, new_email, registered
from tests.waiting import until

own_bus, settings, api, member = conftest.own_bus, conftest.settings, conftest.api, conftest.member
long_delays = auth_fixtures.long_delays
pytestmark = pytest.mark.real_password_hashes


def assert_refusal(problem: Problem) -> None:
    assert (problem.status, problem.code) in {(503, "logins_busy"), (429, "too_many_logins")}
    assert problem.extra["retry_after"]


class HeldHash:
    """A queue with one slot, which each attempt holds until `next()`. `order`: who got it. `refused`: who got 503 or
    429."""

    def __init__(self, **limits: int) -> None:
        self.line = PasswordHashQueue(max_concurrent=1, **limits)
        self.order: list[str] = []
        self.refused: list[str] = []
        self._held: asyncio.Queue[asyncio.Event] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    async def asks(self, *names: str, known: bool = False) -> None:
        """`a1` is the first attempt of the client `a`."""
        for name in names:
            self.begins(name, known)
            await asyncio.sleep(0)

    def begins(self, name: str, known: bool = False) -> None:
        """Asks with the next step of the loop."""
        self._tasks.append(asyncio.create_task(self._hold(name, known)))

    async def finish(self) -> None:
        """Every attempt, one after the other."""
        while any(not task.done() for task in self._tasks):
            (await self._held.get()).set()
            await asyncio.sleep(0.001)

    def give_up(self, place: int) -> None:
        self._tasks[place].cancel()

    async def _hold(self, name: str, known: bool) -> None:
        done = asyncio.Event()
        try:
            with self.line.admit(HashClient(name[0], known)):
                async with self.line.slot(HashClient(name[0], known)):
                    self.order.append(name)
                    self._held.put_nowait(done)
                    await done.wait()
        except Problem as problem:
            assert_refusal(problem)
            self.refused.append(name)


async def test_many_attempts_of_one_address_never_delay_anothers_first() -> None:
    queue_under_test = HeldHash()
    await queue_under_test.asks("a1", "a2", "a3", "a4")
    await queue_under_test.asks("b1", "b2")
    await queue_under_test.asks("c1")
    await queue_under_test.finish()
    assert queue_under_test.order == ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]


async def test_known_devices_come_first() -> None:
    queue_under_test = HeldHash()
    await queue_under_test.asks("a1", "b1", "c1")
    await queue_under_test.asks("k1", known=True)
    await queue_under_test.finish()
    assert queue_under_test.order == ["a1", "k1", "b1", "c1"]


async def test_many_known_devices_do_not_starve_the_others() -> None:
    """Where registration is open, an attacker has as many known devices as accounts."""
    queue_under_test = HeldHash()
    await queue_under_test.asks("a1", "b1", "c1")
    await queue_under_test.asks("k1", "l1", "m1", "n1", "o1", known=True)
    await queue_under_test.finish()
    assert queue_under_test.order == ["a1", "k1", "l1", "b1", "m1", "n1", "c1", "o1"]


async def test_the_queue_is_bounded_and_what_does_not_fit_is_answered_at_once() -> None:
    queue_under_test = HeldHash(max_queued=3)
    await queue_under_test.asks("a1", "a2", "a3", "a4")
    await queue_under_test.asks("b1")  # takes the place of a4
    await queue_under_test.asks("k1", "l1", "m1", "n1", known=True)  # these have a line of their own
    await queue_under_test.asks("c1")  # takes the place of a3
    await queue_under_test.asks("d1")  # takes the place of a2
    await queue_under_test.asks("e1")  # all have as few before them as this one: it came last
    await asyncio.sleep(0.01)
    assert queue_under_test.refused == ["a4", "n1", "a3", "a2", "e1"]
    await queue_under_test.finish()
    assert queue_under_test.order == ["a1", "k1", "l1", "b1", "m1", "c1", "d1"]


async def test_one_address_has_few_concurrent_attempts() -> None:
    queue_under_test = HeldHash()
    await queue_under_test.asks(*(f"a{number}" for number in range(40)))
    assert len(queue_under_test.refused) == 40 - MAX_HASHES_PER_CLIENT
    await queue_under_test.finish()
    await queue_under_test.asks("a1")
    await queue_under_test.finish()
    assert len(queue_under_test.order) == MAX_HASHES_PER_CLIENT + 1


async def test_a_full_queue_whose_last_ticket_is_cancelled_at_that_moment_loses_no_slot() -> None:
    queue_under_test = HeldHash(max_queued=1)
    await queue_under_test.asks("a1", "a2")
    queue_under_test.begins("b1")
    queue_under_test.give_up(1)  # its task learns of it only after b1 found the line full
    await queue_under_test.finish()
    assert queue_under_test.order == ["a1", "b1"]
    await queue_under_test.asks("c1")
    await queue_under_test.finish()
    assert queue_under_test.order == ["a1", "b1", "c1"]


async def test_a_cancelled_attempt_leaves_the_queue_and_loses_no_slot() -> None:
    queue_under_test = HeldHash()
    await queue_under_test.asks("a1", "b1", "c1", "d1")
    queue_under_test.give_up(1)
    queue_under_test.give_up(0)
    await asyncio.sleep(0)
    queue_under_test.give_up(2)
    await queue_under_test.finish()
    assert queue_under_test.order[-1] == "d1"
    await queue_under_test.asks("e1")
    await queue_under_test.finish()
    assert queue_under_test.order[-1] == "e1"


@asynccontextmanager
async def hashing_is_stuck(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[list[str], threading.Semaphore]]:
    """Passwords in the order they are hashed; each release of the semaphore lets one finish."""
    order: list[str] = []
    steps = threading.Semaphore(0)

    def compare(password: str, _hashes: Sequence[str]) -> list[int]:
        order.append(password)
        steps.acquire(timeout=30)
        return []

    monkeypatch.setattr(passwords, "_matching_indexes", compare)
    try:
        yield order, steps
    finally:
        steps.release(1_000)


async def test_a_flood_of_invented_logins_leaves_the_next_slot_to_another_address(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived: list[str] = []
    real_turn = PasswordHashQueue._wait_for_slot

    async def turn(self: PasswordHashQueue, ticket: Any) -> None:
        arrived.append(ticket.client.name)
        await real_turn(self, ticket)

    monkeypatch.setattr(PasswordHashQueue, "_wait_for_slot", turn)
    async with (
        client_at(api.url) as stranger,
        client_at(api.url) as owner,
        hashing_is_stuck(monkeypatch) as (order, steps),
    ):
        flood = [asyncio.create_task(log_in(stranger, new_email(), "flood")) for _ in range(60)]
        await until(lambda: len([task for task in flood if task.done()]) == 60 - MAX_HASHES_PER_CLIENT)
        assert [task.result().text for task in flood if task.done() and task.result().status_code != 429] == []
        real = asyncio.create_task(log_in(owner, new_email(), "real"))
        await until(lambda: len(set(arrived)) == 2)
        await until(lambda: len(order) == 2)
        assert order == ["flood", "real"], "it is checked while the flood is stuck"
        steps.release(1_000)
        await asyncio.gather(*flood, real)


async def test_a_known_device_is_checked_while_strangers_use_all_their_slots(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    priorities: dict[str, int] = {}
    async with AsyncExitStack() as stack:
        owner, *strangers = [await stack.enter_async_context(client_at(api.url)) for _ in range(4)]
        email = (await registered(owner))["user"]["email"]
        order, steps = await stack.enter_async_context(hashing_is_stuck(monkeypatch))
        stuck = passwords._matching_indexes

        def noted(password: str, hashes: Sequence[str]) -> list[int]:
            priorities[password] = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
            return stuck(password, hashes)

        monkeypatch.setattr(passwords, "_matching_indexes", noted)
        flood = [asyncio.create_task(log_in(one, new_email(), "flood")) for one in strangers]
        await until(lambda: len(order) == 2)
        real = asyncio.create_task(log_in(owner, email, "real"))
        await until(lambda: len(order) == 3)
        assert order == ["flood", "flood", "real"], "it is checked while the strangers' hashes are stuck"
        steps.release(1_000)
        await asyncio.gather(*flood, real)
    assert sys.platform != "linux" or priorities["flood"] > priorities["real"], "the flood gets the idle processor"


async def test_a_hash_of_earlier_parameters_is_replaced_at_the_next_login(api: Api) -> None:
    async with client_at(api.url) as home:
        user = (await registered(home))["user"]
        old = PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=4).hash(PASSWORD)
        await api.database.users.update_one({"_id": user["id"]}, {"$set": {"password_hash": old}})
        assert [(await log_in(home, user["email"], word)).status_code for word in ("wrong", PASSWORD)] == [401, 200]
        new = (await api.database.users.find_one({"_id": user["id"]}) or {})["password_hash"]
        assert new != old
        assert not passwords.is_outdated(new)
        assert (await log_in(home, user["email"])).status_code == 200


async def has_old_hash(api: Api, user_id: str) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=4).hash(PASSWORD)
    await api.database.users.update_one({"_id": user_id}, {"$set": {"password_hash": old}})


async def test_a_password_whose_hash_is_of_earlier_parameters_can_be_changed(api: Api) -> None:
    async with client_at(api.url) as home:
        login = await registered(home)
        await has_old_hash(api, login["user"]["id"])
        body = {"old_password": PASSWORD, "new_password": "another password of mine"}
        bearer = {"Authorization": f"Bearer {login['token']}"}
        assert (await home.post("/api/auth/password", json=body, headers=bearer)).status_code == 200


async def test_the_right_password_logs_in_while_too_many_wait_for_a_new_hash(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(*_: Any, **__: Any) -> str:
        raise Problem(503, "logins_busy", "made up", retry_after=2)

    async with client_at(api.url) as home:
        user = (await registered(home))["user"]
        await has_old_hash(api, user["id"])
        monkeypatch.setattr(Passwords, "hash", busy)
        assert (await log_in(home, user["email"])).status_code == 200


async def test_a_flood_from_one_address_writes_a_bounded_number_of_times(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []
    real_take = LoginAttempts.take

    async def take(self: LoginAttempts, bucket: LoginBucket) -> BucketAttempt:
        taken.append(bucket.name)
        return await real_take(self, bucket)

    monkeypatch.setattr(LoginAttempts, "take", take)
    async with client_at(api.url) as stranger, hashing_is_stuck(monkeypatch) as (_, steps):
        flood = [asyncio.create_task(log_in(stranger, new_email(), "flood")) for _ in range(60)]
        await until(lambda: sum(task.done() for task in flood) == 60 - MAX_HASHES_PER_CLIENT)
        assert len(taken) == 2 * MAX_HASHES_PER_CLIENT
        steps.release(1_000)
        await asyncio.gather(*flood)


async def test_a_login_that_was_not_admitted_is_no_failed_login(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async with client_at(api.url) as home, client_at(api.url) as office:
        email = (await registered(home))["user"]["email"]
        async with hashing_is_stuck(monkeypatch) as (_, steps):
            flood = [asyncio.create_task(log_in(office, new_email(), "flood")) for _ in range(20)]
            await until(lambda: sum(task.done() for task in flood) == 20 - MAX_HASHES_PER_CLIENT)
            busy = [await log_in(office, email, "typed") for _ in range(5)]
            steps.release(1_000)
            await asyncio.gather(*flood)
        monkeypatch.undo()
        assert {(answer.status_code, answer.json()["code"]) for answer in busy} == {(429, "too_many_logins")}
        assert {answer.headers["Retry-After"] for answer in busy} == {str(busy[0].json()["retry_after"])}
        assert (await log_in(office, email)).status_code == 200


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every password that was hashed, for whatever."""
    found: list[str] = []
    real_hash, real_matching = Passwords.hash, Passwords.matching_indexes

    async def hash_(self: Passwords, password: str, *rest: Any, **more: Any) -> str:
        found.append(password)
        return await real_hash(self, password, *rest, **more)

    async def matching(self: Passwords, password: str, *rest: Any) -> list[int]:
        found.append(password)
        return await real_matching(self, password, *rest)

    monkeypatch.setattr(Passwords, "hash", hash_)
    monkeypatch.setattr(Passwords, "matching_indexes", matching)
    return found


@pytest.mark.parametrize("registration", ["closed", "first"])
async def test_a_registration_that_is_closed_hashes_nothing(
    api: Api, settings: ApiSettings, member: Member, hashed: list[str], registration: str
) -> None:
    async with api_with(settings, registration=registration) as url, client_at(url) as stranger:
        body = {"email": new_email(), "password": PASSWORD}
        answer = await stranger.post("/api/auth/register", json=body)
    assert (answer.status_code, answer.json()["code"], hashed) == (403, "registration_closed", [])


async def test_an_address_that_is_taken_hashes_nothing(api: Api, member: Member, hashed: list[str]) -> None:
    known = (await member.get("/api/users"))["data"][0]["email"]
    async with client_at(api.url) as stranger:
        answer = await stranger.post("/api/auth/register", json={"email": known, "password": PASSWORD})
    assert (answer.status_code, hashed) == (409, [])


async def test_a_made_up_invitation_and_a_delayed_login_hash_nothing(api: Api, hashed: list[str]) -> None:
    async with client_at(api.url) as stranger:
        body = {"token": f"sbi_{new_id()}", "password": PASSWORD}
        assert (await stranger.post("/api/auth/accept-invitation", json=body)).status_code == 404
        email = new_email()
        answers = [(await log_in(stranger, email, f"guess {number}")).status_code for number in range(8)]
    assert answers == [401] * 3 + [429] * 5
    assert hashed == ["guess 0", "guess 1", "guess 2"]


async def test_a_password_change_that_is_delayed_hashes_nothing(api: Api, hashed: list[str]) -> None:
    async with client_at(api.url) as home, client_at(api.url) as thief:
        bearer = {"Authorization": f"Bearer {(await registered(home))['token']}"}
        hashed.clear()
        for number in range(6):
            body = {"old_password": f"guess {number}", "new_password": "another password of mine"}
            await thief.post("/api/auth/password", json=body, headers=bearer)
    assert hashed == ["guess 0", "guess 1", "guess 2"]
