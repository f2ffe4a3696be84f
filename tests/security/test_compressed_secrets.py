"""Responses with a secret are not compressed: their size would reveal how much of a guess in them is right."""

import json
import secrets
from datetime import timedelta
from pathlib import Path

import aiohttp
import httpx
from fastapi import FastAPI
from fastapi.routing import APIRoute

from services.api import route_matching
from services.api.middleware.compression import MIN_COMPRESSED_BYTES, may_be_compressed
from services.api.middleware.idempotency import response_has_secrets
from services.api.route_modules import ROUTE_MODULES
from shared.contracts.events import PairingCodeIssued
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.messaging.publisher import Publisher
from tests.component.api.conftest import Api, Member
from tests.component.api.conftest import api as api
from tests.component.api.conftest import member as member
from tests.component.api.conftest import own_bus as own_bus
from tests.component.api.conftest import settings as settings
from tests.integration.realtime.conftest import js as js
from tests.integration.realtime.conftest import nats as nats
from tests.integration.realtime.conftest import publish as publish
from tests.integration.realtime.conftest import realtime as realtime
from tests.integration.realtime.conftest import token
from tests.security.socket_clients import PATH as SOCKET_PATH

ACCEPTING = {"Accept-Encoding": "gzip, br, deflate, zstd"}
INSTANCES = "/api/whatsapp/instances"
SHOWN = {
    ("POST", "/api/auth/register"),
    ("POST", "/api/auth/login"),
    ("POST", "/api/auth/refresh"),
    ("POST", "/api/auth/accept-invitation"),
    ("POST", "/api/api-keys"),
    ("POST", "/api/invitations"),
    ("POST", "/api/users/{user_id}/password-reset"),
    ("POST", "/api/auth/password-reset"),
    ("POST", "/api/invitations/{invitation_id}/renew"),
    ("GET", "/api/whatsapp/instances/{instance_id}/qr"),
    ("GET", "/api/whatsapp/instances/{instance_id}/pairing-code"),
    ("POST", "/api/whatsapp/instances/{instance_id}/connect"),
    ("GET", "/api/whatsapp/status"),
    ("GET", "/api/whatsapp/qr"),
    ("POST", "/api/v1/whatsapp/start-session"),
}
"""Routes that show tokens, keys and codes today; a new one needs nothing but the type `Secret`."""


def is_plain(answer: httpx.Response) -> bool:
    """And long enough that it would be compressed."""
    assert answer.is_success, answer.text
    assert len(answer.content) > MIN_COMPRESSED_BYTES
    return "content-encoding" not in answer.headers


def test_no_route_that_shows_a_secret_is_compressed() -> None:
    known = FastAPI()
    route_matching.store_routes(known, (route for part in ROUTE_MODULES for route in part.router.routes))
    plain, compressed = set[tuple[str, str]](), set[tuple[str, str]]()
    for route in known.state.routes:
        for method in route.methods or ():
            scope = {"type": "http", "app": known, "method": method, "path": route.path}
            (compressed if may_be_compressed(scope) else plain).add((method, route.path))
            if isinstance(route, APIRoute) and route.path.startswith("/api/") and response_has_secrets(route):
                assert not may_be_compressed(scope), route.path
    assert plain >= SHOWN
    assert {("GET", "/api/contacts"), ("GET", "/api/conversations"), ("GET", "/")} <= compressed


async def test_a_login_and_its_tokens_are_not_compressed(api: Api) -> None:
    async with api.client(**ACCEPTING) as http:
        password, email = new_id(), f"{secrets.token_hex(28)}@example.org"
        new = {"email": email, "password": password, "name": secrets.token_hex(40)}
        made = await http.post("/api/auth/register", json=new)
        assert is_plain(made)
        assert is_plain(await http.post("/api/auth/login", json={"email": email, "password": password}))
        assert is_plain(await http.post("/api/auth/refresh", json={"refresh_token": made.json()["refresh_token"]}))


async def test_a_key_and_an_invitation_are_not_compressed(api: Api, member: Member) -> None:
    instances = [await member.instance() for _ in range(20)]
    key = await member.http.post("/api/api-keys", json={"name": "till", "instance_ids": instances}, headers=ACCEPTING)
    assert is_plain(key)
    listed = await member.http.get("/api/api-keys", headers=ACCEPTING)
    assert listed.headers["content-encoding"] == "gzip"  # the list has no keys, only how they begin


async def test_linking_codes_are_not_compressed(api: Api, member: Member) -> None:
    instance = await member.instance()
    code = {"qr": "2@abc", "data_url": "data:image/png;base64," + "A" * 2_000, "ascii": "##", "attempt": 2}
    fresh = code | {"expires_at": utc_now() + timedelta(minutes=1)}
    await api.connection(member, instance, status="qr_pending", qr=fresh)
    for path in (f"{INSTANCES}/{instance}/qr", "/api/whatsapp/status"):
        assert is_plain(await member.http.get(path, headers=ACCEPTING))


async def test_no_page_of_the_console_or_the_documents_holds_a_secret_and_all_are_compressed(
    api: Api,
) -> None:
    async with api.client(**ACCEPTING) as http:
        for path in ("/", "/openapi.json", "/docs", "/console/js/main.js"):
            assert (await http.get(path)).headers["content-encoding"] == "gzip"


async def test_a_long_poll_of_a_socket_is_not_compressed(realtime: str, publish: Publisher) -> None:
    """A code that links an account and what a stranger wrote may be in one answer."""
    organization_id = new_id()
    own = token(organization_id, scopes=frozenset({"read", "manage"}))
    async with aiohttp.ClientSession(headers=ACCEPTING) as http:
        url = realtime + SOCKET_PATH + "polling"
        opened = json.loads((await (await http.get(url)).text())[1:])
        url += f"&sid={opened['sid']}"
        assert (await http.post(url, data="40" + json.dumps({"token": own}))).status == 200
        await http.post(url, data="42" + json.dumps(["join-organization", organization_id]))
        expires = utc_now() + timedelta(minutes=1)
        code = PairingCodeIssued(
            organization_id=organization_id,
            instance_id="one",
            code="ABCD-EFGH",
            phone_number="49" * 600,
            expires_at=expires,
        )
        await publish(code)
        said = ""
        while "ABCD" not in said:
            answer = await http.get(url)
            assert answer.status == 200
            assert "content-encoding" not in answer.headers
            said = await answer.text()
        assert len(said) > 1_100


def test_the_front_server_compresses_nothing_by_itself() -> None:
    """It cannot know which responses have secrets."""
    assert "encode" not in Path("deploy/Caddyfile").read_text().split()
