"""The logins of the caller: what is listed, and how one of them or all others are ended."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from nats.aio.subscription import Subscription

from shared.contracts.events import AccessRevoked
from shared.contracts.ids import new_id
from tests.component.api.conftest import Api, Member
from tests.subscriptions import subscribed

PASSWORD = "a password of mine"
Tokens = dict[str, Any]


@dataclass
class Person:
    """A user with two logins: of a phone, which registered, and of a desktop."""

    api: Api
    phone: Tokens
    desktop: Tokens
    revoked_events: Subscription

    async def request(self, login: Tokens, method: str, path: str = "", **query: Any) -> httpx.Response:
        async with self.api.client(Authorization=f"Bearer {login['token']}") as http:
            return await http.request(method, f"/api/auth/logins{path}", params=query)

    async def listed(self, login: Tokens) -> list[dict[str, Any]]:
        answer = await self.request(login, "GET")
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["data"]
        return found

    async def works(self, login: Tokens) -> bool:
        return (await self.request(login, "GET")).status_code == 200

    async def next_revocation(self) -> AccessRevoked:
        return AccessRevoked.model_validate_json((await self.revoked_events.next_msg(timeout=5)).data)

    async def refresh(self, login: Tokens) -> httpx.Response:
        async with self.api.client() as http:
            return await http.post("/api/auth/refresh", json={"refresh_token": login["refresh_token"]})

    async def actions(self) -> list[str]:
        async with self.api.client(Authorization=f"Bearer {self.desktop['token']}") as http:
            return [entry["action"] for entry in (await http.get("/api/audit")).json()["data"]]


def id_of(login: Tokens) -> str:
    return str(login["refresh_token"]).removeprefix("sbr_").partition(".")[0]


async def log_in(api: Api, path: str, email: str, user_agent: str) -> Tokens:
    async with api.client(**{"User-Agent": user_agent}) as http:
        answer = await http.post(f"/api/auth/{path}", json={"email": email, "password": PASSWORD})
    assert answer.status_code in (200, 201), answer.text
    tokens: Tokens = answer.json()
    return tokens


@pytest.fixture
async def person(api: Api) -> AsyncIterator[Person]:
    email = f"{new_id()}@example.org"
    phone = await log_in(api, "register", email, "Phone/1.0")
    desktop = await log_in(api, "login", email, "Desktop/2.0")
    revoked_events = await api.nats.subscribe(AccessRevoked.subject_filter(phone["organization_id"]))
    await subscribed(api.nats)
    yield Person(api, phone, desktop, revoked_events)
    await revoked_events.unsubscribe()


async def test_the_own_logins_are_listed_newest_first_with_where_they_come_from(person: Person) -> None:
    desktop, phone = await person.listed(person.phone)
    assert [desktop["id"], phone["id"]] == [id_of(person.desktop), id_of(person.phone)]
    assert [login["user_agent"] for login in (desktop, phone)] == ["Desktop/2.0", "Phone/1.0"]
    assert [login["is_current"] for login in (desktop, phone)] == [False, True]
    assert {login["address_network"] for login in (desktop, phone)} == {"127.0.0.1"}
    assert desktop["last_used_at"] == desktop["created_at"]
    first = (await person.request(person.phone, "GET", limit=1)).json()
    second = (await person.request(person.phone, "GET", limit=1, cursor=first["next_cursor"])).json()
    assert [first["data"], second["data"], second["next_cursor"]] == [[desktop], [phone], None]


async def test_a_refresh_is_the_newest_use_of_a_login(person: Person) -> None:
    before = (await person.listed(person.phone))[0]
    assert (await person.refresh(person.desktop)).status_code == 200
    after = (await person.listed(person.phone))[0]
    assert after["last_used_at"] > before["last_used_at"]
    assert after["created_at"] == before["created_at"]


async def test_a_login_of_an_earlier_version_is_listed_without_what_it_does_not_know(api: Api, person: Person) -> None:
    unknown = {"$unset": {"user_agent": "", "network": "", "last_used_at": ""}}
    await api.database.logins.update_one({"_id": id_of(person.desktop)}, unknown)
    old = (await person.listed(person.phone))[0]
    assert (old["user_agent"], old["address_network"], old["last_used_at"]) == (None, None, old["created_at"])
    assert (await person.refresh(person.desktop)).status_code == 200
    assert (await person.listed(person.phone))[0]["last_used_at"] > old["created_at"]


@pytest.mark.parametrize(
    ("sent", "kept"), [("x" * 5_000, "x" * 255 + "…"), ("A\x85\x9b\tB", "A B"), ("", None)], ids=repr
)
async def test_a_user_agent_is_bounded_and_one_line(api: Api, person: Person, sent: str, kept: str | None) -> None:
    async with api.client() as http:
        http.headers["User-Agent"] = ""
        headers = [(b"User-Agent", sent.encode("latin-1"))]
        body = {"email": person.phone["user"]["email"], "password": PASSWORD}
        assert (await http.post("/api/auth/login", json=body, headers=headers)).status_code == 200
    assert (await person.listed(person.phone))[0]["user_agent"] == kept


async def test_another_login_is_ended_with_its_tokens_and_sockets(person: Person) -> None:
    answer = await person.request(person.desktop, "DELETE", f"/{id_of(person.phone)}")
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert [await person.works(login) for login in (person.phone, person.desktop)] == [False, True]
    assert (await person.refresh(person.phone)).json()["code"] == "refresh_token_invalid"
    event = await person.next_revocation()
    assert (event.code, event.login_ids) == ("login_ended", (id_of(person.phone),))
    assert [login["id"] for login in await person.listed(person.desktop)] == [id_of(person.desktop)]
    assert (await person.actions())[0] == "end_login"
    again = await person.request(person.desktop, "DELETE", f"/{id_of(person.phone)}")
    assert again.status_code == 200, "a second click is no error"


async def test_all_other_logins_are_ended_and_the_own_one_stays(api: Api, person: Person) -> None:
    third = await log_in(api, "login", person.phone["user"]["email"], "Tablet/3.0")
    assert (await person.request(person.desktop, "POST", "/end-others")).status_code == 200
    assert [await person.works(login) for login in (person.phone, third, person.desktop)] == [False, False, True]
    event = await person.next_revocation()
    assert (event.code, set(event.login_ids)) == ("login_ended", {id_of(person.phone), id_of(third)})
    assert (await person.actions())[0] == "end_other_logins"
    assert (await person.request(person.desktop, "POST", "/end-others")).status_code == 200


async def test_nobody_lists_or_ends_the_logins_of_others(api: Api, person: Person) -> None:
    async with api.member("owner", person.phone["organization_id"]) as colleague, api.member() as stranger:
        for other in (colleague, stranger):
            assert (await other.get("/api/auth/logins"))["data"] == []
            answer = await other.http.delete(f"/api/auth/logins/{id_of(person.phone)}")
            assert (answer.status_code, answer.json()["code"]) == (404, "login_not_found")
            assert (await other.http.post("/api/auth/logins/end-others")).status_code == 200
    assert await person.works(person.phone)


async def test_a_key_has_no_logins(api: Api, member: Member) -> None:
    key = (await member.http.post("/api/api-keys", json={"name": "x"})).json()["data"]["key"]
    async with api.client(**{"X-Api-Key": key}) as http:
        answers = [
            await http.get("/api/auth/logins"),
            await http.delete("/api/auth/logins/x"),
            await http.post("/api/auth/logins/end-others"),
        ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(409, "no_login")] * 3
