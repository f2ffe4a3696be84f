"""Forwarding to the simulator: what is forwarded, and what is refused."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from services.api.routes.simulator import bounded_wait
from services.api.settings import ApiSettings
from shared.contracts.errors import Problem
from tests.component.api.conftest import Api, Member, running
from tests.servers import free_port


class Simulator:
    """Responds like the simulator's control interface, and records the requests."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        methods = ["GET", "POST", "PATCH", "PUT", "DELETE"]
        self.app = Starlette(routes=[Route("/{path:path}", self._answer, methods=methods)])

    async def _answer(self, request: Request) -> Response:
        self.asked.append((request.method, request.url.path, dict(request.query_params), await request.body()))
        if request.url.path == "/phones":
            return JSONResponse({"number": "4915112345678"}, 201)
        if request.url.path == "/contacts/huge":
            return Response(b"x" * (5 << 20))
        problem = {"status": 409, "code": "wrong_state", "detail": "The code has expired."}
        return JSONResponse(problem, 409, media_type="application/problem+json")


@asynccontextmanager
async def _served(simulator: Simulator, port: int) -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(simulator.app, port=port, log_config=None, timeout_graceful_shutdown=1))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await task


@asynccontextmanager
async def _api(settings: ApiSettings, simulator_url: str, token: str) -> AsyncIterator[httpx.AsyncClient]:
    changed = {"simulator_url": simulator_url, "http_port": free_port()}
    async with (
        running(settings.model_copy(update=changed)) as url,
        httpx.AsyncClient(base_url=url, headers={"Authorization": token}, trust_env=False) as http,
    ):
        yield http


@pytest.fixture
async def simulator() -> Simulator:
    return Simulator()


@pytest.fixture
async def http(settings: ApiSettings, member: Member, simulator: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    token = member.http.headers["Authorization"]
    async with _served(simulator, free_port()) as address, _api(settings, address, token) as client:
        yield client


async def test_requests_and_answers_pass_as_they_are(http: httpx.AsyncClient, simulator: Simulator) -> None:
    made = await http.post("/api/simulator/phones", json={"name": "Anna"})
    refused = await http.post("/api/simulator/phones/4915112345678/scan", json={"qr": "2@x"})
    await http.get("/api/simulator/contacts/4915112345678/inbox", params={"after": 3, "wait": 9999})
    assert (made.status_code, made.json()) == (201, {"number": "4915112345678"})
    assert (refused.status_code, refused.json()["detail"]) == (409, "The code has expired.")
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert simulator.asked == [
        ("POST", "/phones", {}, b'{"name":"Anna"}'),
        ("POST", "/phones/4915112345678/scan", {}, b'{"qr":"2@x"}'),
        ("GET", "/contacts/4915112345678/inbox", {"after": "3", "wait": "25.0"}, b""),
    ]


@pytest.mark.parametrize(
    "path", ["network", "statistics", "load", "", "phones/..%2F..%2Fnetwork", "phones/%2e%2e/network", "phones//1"]
)
async def test_only_phones_and_contacts_are_forwarded(http: httpx.AsyncClient, simulator: Simulator, path: str) -> None:
    answer = await http.get(f"/api/simulator/{path}")
    assert (answer.status_code, simulator.asked) == (404, [])


async def test_a_huge_answer_is_not_passed_on(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/simulator/contacts/huge")
    assert (answer.status_code, answer.json()["code"]) == (502, "simulator_answer_too_large")


async def test_the_simulated_network_requires_authentication(http: httpx.AsyncClient, simulator: Simulator) -> None:
    answer = await http.get("/api/simulator/phones", headers={"Authorization": ""})
    assert (answer.status_code, simulator.asked) == (401, [])


async def test_instances_may_live_on_the_simulated_network(http: httpx.AsyncClient) -> None:
    body = {"instance_name": "Try", "network": "simulator"}
    answer = await http.post("/api/whatsapp/instances", json=body)
    assert (answer.status_code, answer.json()["instance"]["network"]) == (200, "simulator")


async def test_an_unreachable_simulator_is_reported(settings: ApiSettings, member: Member) -> None:
    token = member.http.headers["Authorization"]
    async with _api(settings, f"http://127.0.0.1:{free_port()}", token) as http:
        answer = await http.get("/api/simulator/phones")
    assert (answer.status_code, answer.json()["code"]) == (502, "simulator_unreachable")


async def test_without_a_simulator_there_is_no_such_route(api: Api, member: Member) -> None:
    assert api.settings.simulator_url is None
    answer = await member.http.post("/api/simulator/phones", json={})
    assert (answer.status_code, answer.json()["code"]) == (404, "simulator_disabled")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, {}),
        ({"wait": "2"}, {"wait": "2.0"}),
        ({"wait": "-1"}, {"wait": "0.0"}),
        ({"wait": "1e9"}, {"wait": "25.0"}),
    ],
)
def test_the_wait_of_a_poll_is_limited(query: dict[str, Any], expected: dict[str, Any]) -> None:
    assert bounded_wait(query) == expected


@pytest.mark.parametrize("wait", ["soon", ""])
def test_a_wait_is_a_number(wait: str) -> None:
    with pytest.raises(Problem, match="seconds"):
        bounded_wait({"wait": wait})
