"""`Idempotency-Key`: no response with a secret is stored, nor anything by which a secret could be guessed."""

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.api.store.idempotent_responses import idempotency_record
from shared.contracts.commands import ConnectInstance
from shared.contracts.events import PairingCodeIssued, QrIssued
from shared.contracts.ids import new_id
from shared.contracts.message import Event, utc_now
from tests.component.api.conftest import Api, Member, api, member, own_bus, settings
from tests.component.api.document import Operation, Schema, operations, resolved

__all__ = ["api", "member", "own_bus", "settings"]
PASSWORD, NEW_PASSWORD = "correct horse battery", "staple correct horse"
LOOKS_SECRET = ("token", "secret", "password", "pairingcode", "qr", "qrcode", "dataurl", "ascii", "key")
NO_SECRETS = {"success", "tokentype"}


def named_fields(document: Schema, schema: Schema, seen: frozenset[str] = frozenset()) -> Iterator[tuple[str, Schema]]:
    """Every field of an answer, at any depth."""
    if "$ref" in schema:
        if schema["$ref"] in seen:
            return
        seen |= {schema["$ref"]}
    schema = resolved(document, schema)
    for part in (*schema.get("anyOf", ()), schema.get("items", {})):
        if part:
            yield from named_fields(document, part, seen)
    for name, field in schema.get("properties", {}).items():
        yield name, field
        yield from named_fields(document, field, seen)


def unmarked(operation: Operation) -> list[str]:
    found: list[str] = []
    for status, answer in operation.about["responses"].items():
        schema = answer.get("content", {}).get("application/json", {}).get("schema")
        if not status.startswith("2") or schema is None:
            continue
        for name, field in named_fields(operation.document, schema):
            plain = name.lower().replace("_", "")
            secret = plain not in NO_SECRETS and any(plain.endswith(word) for word in LOOKS_SECRET)
            text = "string" in json.dumps(field) and "date-time" not in json.dumps(field)
            if secret and text and "x-secret" not in json.dumps(field):
                found.append(f"{operation.name}: {name}")
    return found


async def test_every_field_that_gives_access_is_marked_as_a_secret(api: Api) -> None:
    """Declare it as `Secret` (services/api/responses.py): then no response of that route is stored."""
    async with api.client() as http:
        everything = operations((await http.get("/openapi.json")).json())
    assert [name for operation in everything for name in unmarked(operation)] == []


async def twice(http: httpx.AsyncClient, path: str, body: Any = None) -> tuple[httpx.Response, httpx.Response]:
    """The same request with the same key."""
    headers = {"Idempotency-Key": new_id()}
    return await http.post(path, json=body, headers=headers), await http.post(path, json=body, headers=headers)


async def kept(api: Api) -> str:
    """Everything that is stored for repetitions, as text."""
    found = await api.database.answers.find().to_list(None)
    return "\n".join(f"{answer} {(answer.get('body') or b'').decode(errors='replace')}" for answer in found)


def secrets_in(answer: httpx.Response) -> list[str]:
    def walk(name: str, value: Any) -> Iterable[str]:
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from walk(key, inner)
        elif isinstance(value, str) and any(word in name.lower() for word in LOOKS_SECRET) and len(value) > 7:
            yield value

    return list(walk("", answer.json()))


def coded(command: ConnectInstance) -> list[Event]:
    """The session service, which shows a code of either kind."""
    common: dict[str, Any] = {
        "organization_id": command.organization_id,
        "instance_id": command.instance_id,
        "cause": command.id,
        "expires_at": utc_now() + timedelta(minutes=1),
    }
    if command.method == "code":
        return [PairingCodeIssued(code="SECR-ETCO", phone_number="4915112345678", **common)]
    shown: dict[str, Any] = {
        "qr": "2@secret-qr",
        "data_url": "data:image/png;base64,c2VjcmV0",
        "ascii": "##secret##",
        "attempt": 1,
    }
    return [QrIssued(**shown, **common)]


async def test_no_login_response_is_stored(api: Api) -> None:
    email = f"{new_id()}@example.org"
    async with api.client() as http:
        registration = {"email": email, "password": PASSWORD}
        first = (await http.post("/api/auth/register", json=registration)).json()
        http.headers["Authorization"] = f"Bearer {first['token']}"
        answers = {
            "login": await twice(http, "/api/auth/login", {"email": email, "password": PASSWORD}),
            "refresh": await twice(http, "/api/auth/refresh", {"refresh_token": first["refresh_token"]}),
            "register": await twice(
                http, "/api/auth/register", {"email": f"{new_id()}@example.org", "password": PASSWORD}
            ),
            "password": await twice(
                http, "/api/auth/password", {"old_password": PASSWORD, "new_password": NEW_PASSWORD}
            ),
        }
    stored = await kept(api)
    for name, (done, again) in answers.items():
        assert done.status_code in (200, 201), (name, done.text)
        assert (again.status_code, again.json()["code"]) == (409, "shown_once"), name
        assert not [secret for secret in secrets_in(done) if secret in stored], name
    assert PASSWORD not in stored
    assert NEW_PASSWORD not in stored


async def test_a_password_cannot_be_guessed_by_what_is_stored(api: Api) -> None:
    """A hash of the request would be one: it is quick to try a million passwords with it."""
    email, key = f"{new_id()}@example.org", new_id()
    async with api.client() as http:
        user = (await http.post("/api/auth/register", json={"email": email, "password": PASSWORD})).json()
        http.headers["Authorization"] = f"Bearer {user['token']}"
        body = json.dumps({"old_password": PASSWORD, "new_password": NEW_PASSWORD}).encode()
        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        assert (await http.post("/api/auth/password", content=body, headers=headers)).status_code == 200
    guess = idempotency_record(
        user["organization_id"], user["user"]["id"], key, "/api/auth/password", "", body.decode()
    )
    found = await api.database.answers.find_one({"_id": guess.id})
    assert found is None or found["fingerprint"] != guess.fingerprint


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/api-keys", {"name": "till"}),
        ("/api/invitations", {"email": "new@example.org"}),
        ("/api/whatsapp/instances/{instance}/connect", {"method": "code", "phone_number": "4915112345678"}),
        ("/api/v1/whatsapp/start-session", {"phoneNumber": "4915112345678"}),
    ],
)
async def test_a_secret_response_is_not_stored(api: Api, member: Member, path: str, body: dict[str, Any]) -> None:
    async with api.playing(ConnectInstance, coded) as commands:
        first, again = await twice(member.http, path.format(instance=await member.instance()), body)
    assert first.status_code in (200, 201), first.text
    found = secrets_in(first)
    assert found
    stored = await kept(api)
    assert not [secret for secret in found if secret in stored]
    assert (again.status_code, again.json()["code"]) == (409, "shown_once")
    assert len(commands) <= 1, "done once"


async def test_a_response_without_a_secret_is_replayed(member: Member) -> None:
    first, again = await twice(member.http, "/api/whatsapp/instances", {"instance_name": "Desk"})
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_a_wrong_password_may_be_corrected_with_the_same_key(api: Api) -> None:
    email, headers = f"{new_id()}@example.org", {"Idempotency-Key": new_id()}
    async with api.client() as http:
        user = (await http.post("/api/auth/register", json={"email": email, "password": PASSWORD})).json()
        http.headers["Authorization"] = f"Bearer {user['token']}"
        body = {"old_password": "wrong", "new_password": NEW_PASSWORD}
        wrong = await http.post("/api/auth/password", json=body, headers=headers)
        right = await http.post("/api/auth/password", json=body | {"old_password": PASSWORD}, headers=headers)
    assert (wrong.status_code, right.status_code) == (403, 200)
