"""Registration and login, and what a refusal reveals."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest

from services.api.settings import ApiSettings, RegistrationPolicy
from services.api.store import login_attempts
from shared.contracts.ids import new_id
from tests.component.api.conftest import Api, Member, running
from tests.servers import free_port

PASSWORD = "a password of mine"


@dataclass(frozen=True)
class RegisteredUser:
    email: str
    organization_id: str


@pytest.fixture
async def user(api: Api) -> RegisteredUser:
    email = f"{new_id()}@example.org"
    async with api.client() as http:
        answer = await http.post("/api/auth/register", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    return RegisteredUser(email, answer.json()["organization_id"])


async def test_a_registered_user_can_log_in_with_any_case_of_the_address(api: Api, user: RegisteredUser) -> None:
    async with api.client() as http:
        answer = await http.post("/api/auth/login", json={"email": f" {user.email.upper()} ", "password": PASSWORD})
    assert answer.status_code == 200
    assert answer.json()["organization_id"] == user.organization_id
    async with api.client(Authorization=f"Bearer {answer.json()['token']}") as http:
        organization = (await http.get("/api/organization")).json()["data"]
    assert (organization["id"], organization["name"]) == (user.organization_id, "My organization")


async def test_passwords_are_stored_as_hashes_only(api: Api, user: RegisteredUser) -> None:
    stored = await api.database.users.find_one({"email": user.email})
    assert stored
    assert stored["password_hash"].startswith("$argon2id$")
    assert PASSWORD not in str(stored)


async def test_a_refused_login_does_not_say_which_part_was_wrong(api: Api, user: RegisteredUser) -> None:
    async with api.client() as http:
        wrong = await http.post("/api/auth/login", json={"email": user.email, "password": "another one"})
        unknown = await http.post("/api/auth/login", json={"email": f"x{user.email}", "password": PASSWORD})
    shown = [{**answer.json(), "request_id": ""} for answer in (wrong, unknown)]
    assert wrong.status_code == unknown.status_code == 401
    assert shown[0] == shown[1]


async def test_guessing_a_password_is_delayed_even_with_the_right_one(
    api: Api, user: RegisteredUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_attempts, "FIRST_DELAY_MS", 60_000)
    async with api.client() as http:
        for _ in range(3):
            await http.post("/api/auth/login", json={"email": user.email, "password": "guess"})
        answer = await http.post("/api/auth/login", json={"email": user.email, "password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_logins")
    assert 0 < int(answer.headers["Retry-After"]) <= 300


async def test_an_address_is_registered_once(api: Api, user: RegisteredUser) -> None:
    async with api.client() as http:
        again = {"email": user.email, "password": PASSWORD}
        answer = await http.post("/api/auth/register", json=again)
    assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")
    assert await api.database.organizations.count_documents({"_id": user.organization_id}) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [("email", "no address"), ("email", "a\x00@b.c"), ("password", "short"), ("password", "x" * 129), ("name", "a\nb")],
)
async def test_an_invalid_registration_names_its_field(api: Api, field: str, value: str) -> None:
    body = {"email": "a@example.org", "password": PASSWORD, field: value}
    async with api.client() as http:
        answer = await http.post("/api/auth/register", json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert value not in answer.text or len(value) < 6


@asynccontextmanager
async def _fresh(settings: ApiSettings, policy: RegistrationPolicy | None) -> AsyncIterator[httpx.AsyncClient]:
    """An api in production mode on an empty database."""
    changes = {
        "environment": "production",
        "registration": policy,
        "http_port": free_port(),
        "mongo_database": f"api_{new_id()[:8]}",
    }
    async with running(settings.model_copy(update=changes)) as url, httpx.AsyncClient(base_url=url) as http:
        yield http


async def _register(http: httpx.AsyncClient) -> tuple[int, str]:
    answer = await http.post("/api/auth/register", json={"email": f"{new_id()}@example.org", "password": PASSWORD})
    return answer.status_code, answer.json().get("code", "")


async def test_in_production_only_the_very_first_user_registers(settings: ApiSettings) -> None:
    async with _fresh(settings, None) as http:
        assert await _register(http) == (201, "")
        assert await _register(http) == (403, "registration_closed")


async def test_closed_registration_refuses_everybody(settings: ApiSettings) -> None:
    async with _fresh(settings, "closed") as http:
        assert await _register(http) == (403, "registration_closed")


async def test_the_organization_is_the_callers_own(member: Member) -> None:
    found = (await member.get("/api/organization"))["data"]
    assert (found["id"], found["name"]) == (member.organization_id, "Acme")
