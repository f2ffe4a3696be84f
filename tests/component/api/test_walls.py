"""Isolation of organizations: every route, with another organization's ids, finds nothing and changes nothing."""

import re
from collections import defaultdict
from typing import Any

import httpx
import pytest

from services.api.app import create_app
from services.api.settings import ApiSettings
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.platform.mongo import Document
from tests.component.api.conftest import Api, Member
from tests.token_keys import PRIVATE_KEY

OPEN = {
    "/api/auth/login",
    "/api/auth/register",
    "/api/auth/accept-invitation",
    "/api/auth/invitation",
    "/api/auth/password-reset",
    "/api/auth/forgot-password",
    "/api/auth/password-reset/inspect",
    "/api/auth/refresh",
    "/health",
    "/health/live",
    "/health/ready",
}
BODIES: dict[str, Any] = {
    "POST /api/bookings/{booking_id}/reschedule": {"starts_at": "2026-12-01T10:00:00Z"},
    "PATCH /api/whatsapp/instances/{instance_id}": {"instance_name": "mine now"},
    "POST /api/whatsapp/instances/{instance_id}/send": {"to": "4915112345678", "message": "hello"},
    "POST /api/whatsapp/instances": {"instance_name": "x"},
    "POST /api/api-keys": {"name": "x"},
    "PATCH /api/users/{user_id}": {"name": "mine now"},
    "PATCH /api/contacts/{contact_id}": {"name": "mine now"},
    "POST /api/contacts/{contact_id}/merge": {"other_id": "1"},
    "POST /api/contacts/{contact_id}/split": {"merged_id": "1"},
    "POST /api/conversations/{conversation_id}/assign": {"user_id": None},
}
MAKING = {"POST /api/sessions/{session_name}/initialize-with-qr"}
"""What it names is created in the caller's own organization."""
SECRETS = "a word nobody else may read"


async def operations(api: Api) -> list[str]:
    """`METHOD path` of everything in the OpenAPI document."""
    async with api.client() as http:
        paths = (await http.get("/openapi.json")).json()["paths"]
    return [f"{method.upper()} {path}" for path, found in paths.items() for method in found]


async def request(http: httpx.AsyncClient, operation: str, ids: dict[str, str]) -> httpx.Response:
    method, path = operation.split(" ")
    return await http.request(method, path.format_map(defaultdict(lambda: "1", ids)), json=BODIES.get(operation))


async def belongings(api: Api, owner: Member) -> dict[str, str]:
    """One of everything, by the name of the path parameter."""
    instance = await owner.instance(instance_name=SECRETS)
    await api.connection(
        owner, instance, status="qr_pending", qr={"qr": SECRETS, "expires_at": utc_now().replace(year=2099)}
    )
    key = await owner.http.post("/api/api-keys", json={"name": SECRETS})
    invitation = await owner.http.post("/api/invitations", json={"email": f"{new_id()}@example.org"})
    people = {"user_id": owner.user_id, "invitation_id": invitation.json()["data"]["id"]}
    at = utc_now()
    mine: Document = {"organization_id": owner.organization_id, "instance_id": instance, "text": SECRETS}
    times = {"created_at": at, "updated_at": at, "timestamp": at}
    ids = {name: new_id() for name in ("contact_id", "conversation_id", "message_id", "booking_id")}
    database = api.database
    await database.contacts.insert_one(
        {"_id": ids["contact_id"], "aliases": [new_id()], "name": SECRETS, **mine, **times}
    )
    await database.conversations.insert_one(
        {"_id": ids["conversation_id"], "contact_id": ids["contact_id"], **mine, **times}
    )
    parties = {"direction": "inbound", "origin": "contact", "from_address": "1", "to_address": "2"}
    await database.messages.insert_one(
        {
            "_id": ids["message_id"],
            "conversation_id": ids["conversation_id"],
            "wa_id": new_id(),
            "status": "received",
            "kind": "message",
            **parties,
            **mine,
            **times,
        }
    )
    await database.bookings.insert_one(
        {
            "_id": ids["booking_id"],
            "contact_id": ids["contact_id"],
            "status": "pending",
            "opened_by": "m",
            **mine,
            **times,
        }
    )
    return {
        **ids,
        **people,
        "instance_id": instance,
        "key_id": key.json()["data"]["id"],
        "action": "confirm",
        "sequence": "1",
    }


async def snapshot(api: Api, organization_id: str) -> list[list[Document]]:
    names = (
        "users",
        "invitations",
        "password_resets",
        "instances",
        "connections",
        "api_keys",
        "contacts",
        "conversations",
        "messages",
        "bookings",
    )
    return [await api.database[name].find({"organization_id": organization_id}).to_list(None) for name in names]


async def test_every_route_with_anothers_ids_finds_nothing_and_changes_nothing(
    api: Api, member: Member, stranger: Member
) -> None:
    ids = await belongings(api, stranger)
    before = await snapshot(api, stranger.organization_id)
    walled = [operation for operation in await operations(api) if "{" in operation and operation not in MAKING]
    assert len(walled) >= 15
    for operation in walled:
        answer = await request(member.http, operation, ids)
        assert (answer.status_code, SECRETS in answer.text) == (404, False), operation
        unknown = {name: new_id() for name in ids} | {"action": "confirm", "sequence": "2"}
        assert (await request(member.http, operation, unknown)).json()["code"] == answer.json()["code"], operation
    assert await snapshot(api, stranger.organization_id) == before


async def test_every_list_contains_only_the_callers_own(api: Api, member: Member, stranger: Member) -> None:
    await belongings(api, stranger)
    own = await belongings(api, member)
    lists = [name for name in await operations(api) if re.fullmatch(r"GET /api/(whatsapp/)?[a-z-]+s", name)]
    lists.remove("GET /api/whatsapp/status")
    assert len(lists) >= 6
    for operation in lists:
        found = (await request(member.http, operation, {})).json()["data"]
        assert [record["id"] in own.values() for record in found] == [True], operation


async def test_the_owner_may_use_the_same_routes(api: Api, member: Member) -> None:
    ids = await belongings(api, member)
    for operation in await operations(api):
        missing = operation.endswith(("/qr", "/pairing-code", "{sequence}"))
        if operation.startswith("GET") and "{" in operation and not missing:
            assert (await request(member.http, operation, ids)).status_code == 200, operation


async def test_every_route_requires_authentication(api: Api) -> None:
    names = ("instance_id", "contact_id", "conversation_id", "message_id", "booking_id", "key_id", "session_name")
    ids = dict.fromkeys(names, "x") | {"sequence": "1"}
    closed = [operation for operation in await operations(api) if operation.split(" ")[1] not in OPEN]
    assert len(closed) >= 25
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"X-Api-Key": "sbk_nonsense"}):
        async with api.client(**headers) as http:
            for operation in closed:
                answer = await request(http, operation, ids | {"action": "confirm"})
                assert answer.status_code == 401, operation
                assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_a_token_of_another_secret_is_refused(api: Api, member: Member) -> None:
    header, claims, _ = member.http.headers["Authorization"].removeprefix("Bearer ").split(".")
    for forged in (f"{header}.{claims}.AAAA", f"eyJhbGciOiJub25lIn0.{claims}."):
        async with api.client(Authorization=f"Bearer {forged}") as http:
            assert (await http.get("/api/organization")).json()["code"] == "token_invalid"


def test_the_simulated_network_is_for_local_mode(settings: ApiSettings) -> None:
    with pytest.raises(ValueError, match="WA_SIMULATOR_URL works only with WA_ENVIRONMENT=local"):
        create_app(
            ApiSettings(environment="production", token_private_key=PRIVATE_KEY, simulator_url="http://127.0.0.1:1")
        )
