"""Odd values in every place of every route and of every NATS request: a clear refusal, never a failure."""

import asyncio
import json
import urllib.parse
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from services.api.nats.access_queries import ACCESS_QUERY_LIMITS
from services.api.settings import ApiSettings
from shared.contracts.ids import new_id
from shared.contracts.message import Message
from shared.contracts.queries import CountFailedCredential, TakeRateLimit, VerifyApiKey
from tests.component.api.conftest import Api, Member, api, member, own_bus, settings
from tests.component.api.document import Operation, operations, resolved
from tests.component.api.test_leaks import WAITING, refusal
from tests.nats_messages import MESSAGES, QUERIES, REQUESTS
from tests.security.in_process import WITHOUT_LIMITS, Answer, InProcess, in_process
from tests.security.odd_values import ODD_BODIES, ODD_JSON, ODD_SEGMENTS, ODD_TEXTS
from tests.servers import free_port

__all__ = ["api", "member", "own_bus", "settings"]
CONCURRENT_REQUESTS = 6
"""Fewer than the logins of one client that may wait: those beyond are answered 503 `logins_busy`."""
HEADERS_OF = {"POST /api/auth/login", "GET /api/contacts", "POST /api/api-keys", "DELETE /api/users/{user_id}"}
"""Headers are read before any route, so a few routes are enough."""
SAMPLES = {
    "starts_at": "2030-01-01T00:00:00Z",
    "to": "4915112345678",
    "from": "4915112345678",
    "one": "4915112345678",
    "other": "4915112345678",
    "phoneNumber": "4915112345678",
    "phone_number": "4915112345678",
    "email": "a@example.org",
    "password": "a password of mine",
    "new_password": "a password of mine",
    "action": "confirm",
    "sequence": "1",
    "settings": {},
    "name": "x",
    "session_name": "x",
}
"""What is accepted where `x` is not."""


@dataclass(frozen=True)
class Try:
    """A request, and the place of its odd value."""

    place: str
    method: str
    target: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


@pytest.fixture(scope="module")
async def in_process_api(api: Api, settings: ApiSettings) -> AsyncIterator[InProcess]:
    """As an owner, without limits; the other services refuse everything at once."""
    free = WITHOUT_LIMITS | {"http_port": free_port()}
    async with AsyncExitStack() as stack:
        found = await stack.enter_async_context(in_process(settings.model_copy(update=free)))
        for command in WAITING:
            await stack.enter_async_context(api.playing(command, refusal))
        owner = await stack.enter_async_context(api.member())
        found.defaults = {"authorization": owner.http.headers["Authorization"]}
        yield found


def target(operation: Operation, query: str = "", **changed: str) -> str:
    path = {name: str(SAMPLES.get(name, new_id())) for name in operation.parameters("path")} | changed
    needed = {
        item["name"]: str(SAMPLES.get(item["name"], "x"))
        for item in operation.about.get("parameters", [])
        if item["in"] == "query" and item.get("required")
    }
    query = "&".join([*(f"{name}={value}" for name, value in needed.items()), *([query] if query else [])])
    return operation.path.format(**path) + (f"?{query}" if query else "")


def sample(operation: Operation) -> dict[str, Any]:
    """The least body that fits."""
    schema = resolved(operation.document, operation.body or {})
    options = [resolved(operation.document, option) for option in schema.get("anyOf", [schema])]
    found = next((option for option in options if option.get("type") == "object"), {})
    return {name: SAMPLES.get(name, "x") for name in found.get("required", [])}


def fields(operation: Operation) -> list[str]:
    schema = resolved(operation.document, operation.body or {})
    options = [resolved(operation.document, option) for option in schema.get("anyOf", [schema])]
    return [name for option in options for name in option.get("properties", {})]


def with_field(body: dict[str, Any], name: str, value: str) -> bytes:
    """The JSON of the body, with the text of `value` as this field."""
    rest = {key: other for key, other in body.items() if key != name}
    parts = [f"{json.dumps(key)}: {json.dumps(other)}" for key, other in rest.items()]
    return ("{" + ", ".join([*parts, f"{json.dumps(name)}: {value}"]) + "}").encode()


def tries(operation: Operation) -> Iterator[Try]:
    method, body = operation.method, json.dumps(sample(operation)).encode() if operation.body else b""
    for name in operation.parameters("path"):
        for segment in ODD_SEGMENTS:
            yield Try(f"path {name}", method, target(operation, **{name: segment}), body)
    for name in operation.parameters("query"):
        for text in (*ODD_TEXTS, *ODD_JSON[-6:]):
            yield Try(f"query {name}", method, target(operation, f"{name}={urllib.parse.quote(text)}"), body)
        for raw in ("%", "%zz", "%ff", "%ed%a0%80", "a&" + name + "=b"):
            yield Try(f"query {name}", method, target(operation, f"{name}={raw}"), body)
    if operation.name in HEADERS_OF:
        yield from header_tries(operation, body)
    yield from body_tries(operation)


def header_tries(operation: Operation, body: bytes) -> Iterator[Try]:
    for name in ("Authorization", "X-Api-Key", "Idempotency-Key", "Cookie", "X-Request-Id", "Content-Type"):
        for text in ("", "\x00", "Bearer ", "Bearer sbk_\xff", "é" * 300, "x" * 5_000, "Bearer " + "." * 50):
            yield Try(f"header {name}", operation.method, target(operation), body, ((name, text),))


def body_tries(operation: Operation) -> Iterator[Try]:
    for name in fields(operation):
        for value in ODD_JSON:
            yield Try(f"field {name}", operation.method, target(operation), with_field(sample(operation), name, value))
    if operation.body:
        for content in ODD_BODIES:
            yield Try("body", operation.method, target(operation), content)


def wrong(operation: Operation, tried: Try, answer: Answer) -> str | None:
    """What is wrong with an answer."""
    about = f"{operation.name} {tried.place} ← {tried.target[:120]} {tried.body[:80]!r} {tried.headers}"[:300]
    if answer.status >= 500:
        return f"{answer.status} {about} {answer.body[:200]!r}"
    if answer.status >= 400 and answer.headers.get("content-type") != "application/problem+json":
        return f"{answer.status} as {answer.headers.get('content-type')} {about}"
    if len(answer.body) > 20_000 and answer.status >= 400:
        return f"an answer of {len(answer.body)} bytes {about}"
    return None


@pytest.mark.timeout(240)
async def test_nothing_odd_in_any_place_of_any_route_fails(in_process_api: InProcess) -> None:
    document = json.loads((await in_process_api.ask("GET", "/openapi.json")).body)
    gate, wrongs, count = asyncio.Semaphore(CONCURRENT_REQUESTS), list[str](), 0

    async def attempt(operation: Operation, tried: Try) -> None:
        async with gate:
            answer = await in_process_api.ask(tried.method, tried.target, tried.body, dict(tried.headers))
        if found := wrong(operation, tried, answer):
            wrongs.append(found)

    for operation in operations(document):
        everything = list(tries(operation))
        count += len(everything)
        await asyncio.gather(*(attempt(operation, tried) for tried in everything))
    assert count > 4_000
    assert not wrongs, "\n".join([f"{len(wrongs)} of {count}", *wrongs[:20]])


FIVE = {
    "a surrogate in a cursor": ("GET", "/api/contacts?cursor=WzEsICJcdWQ4MDAiXQ", b"", 422),
    "a deep cursor": ("GET", "/api/contacts?cursor=" + "W1tb" * 75, b"", 422),
    "a surrogate as an account": (
        "POST",
        "/api/v1/whatsapp/send-message",
        b'{"accountId": "\\ud800", "phoneNumber": "4915112345678", "message": "x"}',
        422,
    ),
    "an end in the year 9999": (
        "POST",
        "/api/api-keys",
        b'{"name": "x", "expires_at": "9999-12-31T23:59:59-14:00"}',
        422,
    ),
    "a console path of 300 letters": ("GET", "/console/" + "x" * 300 + ".js", b"", 404),
    "a NUL in a console path": ("GET", "/console/a%00.js", b"", 404),
    "many levels in a console path": ("GET", "/console/" + "a/" * 2_000, b"", 404),
    "a path that is too long": ("GET", "/api/contacts/" + "x" * 5_000, b"", 414),
    "a query that is too long": ("GET", "/api/contacts?search=" + "x" * 13_000, b"", 414),
}


@pytest.mark.parametrize("kind", FIVE)
async def test_what_failed_before_is_refused(in_process_api: InProcess, kind: str) -> None:
    method, path, body, status = FIVE[kind]
    answer = await in_process_api.ask(method, path, body)
    found = json.loads(answer.body)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json"), found
    assert found["detail"]


async def test_an_expiry_at_the_end_of_time_is_stored(in_process_api: InProcess) -> None:
    answer = await in_process_api.ask("POST", "/api/api-keys", b'{"name": "x", "expires_at": "9999-12-31T23:59:59Z"}')
    assert answer.status == 201, answer.body


QUESTIONS: list[type[Message]] = [*QUERIES, *REQUESTS]
NATS_BODIES = tuple(body for body in ODD_BODIES if body) + tuple(value.encode() for value in ODD_JSON)


def bus_tries(question: type[Message]) -> Iterator[bytes]:
    schema = question.model_json_schema()
    body = {name: SAMPLES.get(name, "x") for name in schema.get("required", []) if name != "organization_id"}
    for name in schema["properties"]:
        for value in ODD_JSON:
            yield with_field(body, name, value)
    yield from NATS_BODIES


@pytest.mark.timeout(240)
async def test_nothing_odd_in_any_query_or_request_of_nats_fails(api: Api, member: Member) -> None:
    gate, wrongs, count = asyncio.Semaphore(16), list[str](), 0
    instance = await member.instance()

    async def attempt(question: type[Message], token: str, body: bytes) -> None:
        address = question.subject_filter(member.organization_id, token)
        async with gate:
            reply = await api.nats.request(address, body, timeout=50)
        answer = json.loads(reply.data)
        if (not answer["success"] and answer["status"] >= 500) or answer.get("code") == "internal_error":
            wrongs.append(f"{question.__name__} ← {body[:120]!r}: {answer['code']} {answer['detail'][:100]}")

    async with AsyncExitStack() as stack:
        for command in WAITING:
            await stack.enter_async_context(api.playing(command, refusal))
        for question in QUESTIONS:
            everything = list(bus_tries(question))
            count += len(everything)
            token = instance if "Instance" in question.__name__ else "-"
            await asyncio.gather(*(attempt(question, token, body) for body in everything))
    assert count > 5_000
    assert not wrongs, "\n".join([f"{len(wrongs)} of {count}", *wrongs[:20]])


VALID = {"key": "sbk_x", "caller": "somebody", "client": "192.0.2.1"}


@pytest.mark.parametrize("question", [VerifyApiKey, TakeRateLimit, CountFailedCredential])
async def test_nothing_odd_in_an_access_query_fails(
    api: Api, question: type[Message], caplog: pytest.LogCaptureFixture
) -> None:
    address = question.subject_filter("unknown", "-")
    for body in bus_tries(question):
        await api.nats.publish(address, body, reply=api.nats.new_inbox())
    valid = {"organization_id": "unknown"} | {name: VALID[name] for name in question.model_fields if name in VALID}
    for _ in range(2 * ACCESS_QUERY_LIMITS.concurrent):  # behind all the others
        assert json.loads((await api.nats.request(address, json.dumps(valid).encode(), timeout=30)).data)
    assert not [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("token", ["A", "a b", "ü", "$SYS", "x" * 200, "-", "_", "org\\ud800"])
async def test_an_odd_organization_in_a_subject_is_refused(api: Api, token: str) -> None:
    for question in (MESSAGES.ReadOrganization, MESSAGES.ChangeOrganizationRequest):
        address = f"{question.subject}.{token.replace(' ', '')}.-"
        answer = json.loads((await api.nats.request(address, b"{}", timeout=5)).data)
        assert answer["success"] is False
        assert answer["code"] != "internal_error"
