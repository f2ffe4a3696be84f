"""Clients with different addresses, and apis with other settings, for attacks on logins."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from services.api.settings import ApiSettings
from services.api.store import login_attempts
from shared.contracts.ids import new_id
from tests.component.api.conftest import Api, running
from tests.servers import free_port

PASSWORD = "a password of mine"
_numbers = itertools.count(1)


def new_address() -> str:
    """An unused loopback address: Linux lets a client bind any of 127.0.0.0/8."""
    number = next(_numbers)
    return f"127.77.{number // 250}.{number % 250 + 1}"


def new_email() -> str:
    return f"{new_id()}@example.org"


@pytest.fixture(autouse=True)
def long_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first delay is a minute: on a slow machine a second could pass between two guesses."""
    monkeypatch.setattr(login_attempts, "FIRST_DELAY_MS", 60_000)


@asynccontextmanager
async def client_at(url: str, address: str | None = None, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client with an address of its own; it keeps its cookies, as a browser does."""
    transport = httpx.AsyncHTTPTransport(local_address=address or new_address())
    async with httpx.AsyncClient(base_url=url, transport=transport, headers=headers, timeout=30) as http:
        yield http


@asynccontextmanager
async def api_with(settings: ApiSettings, **changes: Any) -> AsyncIterator[str]:
    """One more api on the same database and bus."""
    async with running(settings.model_copy(update={"http_port": free_port(), **changes})) as url:
        yield url


async def registered(http: httpx.AsyncClient, email: str | None = None) -> dict[str, Any]:
    body = {"email": email or new_email(), "password": PASSWORD}
    answer = await http.post("/api/auth/register", json=body)
    assert answer.status_code == 201, answer.text
    login: dict[str, Any] = answer.json()
    return login


async def log_in(http: httpx.AsyncClient, email: str, password: str = PASSWORD, **headers: str) -> httpx.Response:
    return await http.post("/api/auth/login", json={"email": email, "password": password}, headers=headers)


async def guess(http: httpx.AsyncClient, email: str, times: int) -> list[int]:
    return [(await log_in(http, email, f"guess {number}")).status_code for number in range(times)]


async def delays_are_over(api: Api) -> None:
    """End all delays without resetting the counters."""
    await api.database.login_attempts.update_many({}, {"$set": {"next_at": 0}})
