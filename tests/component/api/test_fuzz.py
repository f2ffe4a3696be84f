"""Generated requests to every route of the OpenAPI document: no unexpected 5xx, every response as documented."""

import asyncio
import json
import urllib.parse
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, seed
from hypothesis import settings as bounds
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from services.api.settings import ApiSettings
from shared.contracts.commands import ConnectInstance
from shared.contracts.ids import new_id
from tests.component.api.conftest import Api, Member, running
from tests.component.api.document import Operation, Schema, operations, resolved
from tests.component.api.test_leaks import WAITING, refusal
from tests.servers import free_port

SEED = 20_261_121
EXAMPLES = 20
"""Requests to each operation."""
EXPECTED = {502, 504}
"""Documented 5xx: WhatsApp refused, or there was no response in time."""

ANY_TEXT = st.text(max_size=40) | st.sampled_from(["", " ", "\x00", "{}", "$ne", "../..", "4915112345678", "0" * 300])
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)


def fitting(operation: Operation, schema: Schema) -> SearchStrategy[Any]:
    """A value that the schema allows."""
    schema = resolved(operation.document, schema)
    if options := schema.get("anyOf"):
        return st.one_of([fitting(operation, option) for option in options])
    if "const" in schema or "enum" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    kind = schema.get("type")
    if kind == "object":
        parts = {name: fitting(operation, part) for name, part in schema.get("properties", {}).items()}
        required = {name: parts.pop(name) for name in schema.get("required", []) if name in parts}
        return st.fixed_dictionaries(required, optional=parts)
    if kind == "array":
        return st.lists(fitting(operation, schema.get("items", {})), max_size=3)
    least, most = schema.get("minimum", -5), schema.get("maximum", 1 << 40)
    numbers = {"integer": st.integers(least, most), "number": st.floats(least, min(most, 1e9))}
    known = st.sampled_from(["4915112345678", "a@example.org", "2030-01-01T00:00:00Z", "a password of mine"])
    return {**numbers, "boolean": st.booleans(), "null": st.none(), "string": known | ANY_TEXT}.get(str(kind), ANY_JSON)


def segment(text: str) -> str:
    """One part of a path, whatever the text: a slash or dots would make it another path."""
    return urllib.parse.quote(text[:200].replace("/", "_"), safe="") if text.strip(".") else "x"


@st.composite
def requests(draw: st.DrawFn, operation: Operation, ids: dict[str, str]) -> dict[str, Any]:
    """Half of the parts fit the document, the other half are anything."""

    def part(schema: Schema) -> Any:
        return draw(fitting(operation, schema) if draw(st.integers(0, 3)) else ANY_JSON)

    def text(name: str, schema: Schema) -> str:
        if name in ids and draw(st.booleans()):
            return ids[name]
        value = part(schema)
        return value if isinstance(value, str) else json.dumps(value)

    path = {name: segment(text(name, schema)) for name, schema in operation.parameters("path").items()}
    query = {name: text(name, schema) for name, schema in operation.parameters("query").items() if draw(st.booleans())}
    request: dict[str, Any] = {"url": operation.path.format(**path), "params": query}
    if operation.body and draw(st.integers(0, 9)):
        request["json"] = part(operation.body)
    elif operation.body:
        request["content"] = draw(st.binary(max_size=30))
        request["headers"] = {"Content-Type": "application/json"}
    return request


@pytest.fixture(scope="module")
async def target(api: Api, settings: ApiSettings) -> AsyncIterator[Member]:
    """An owner at an api without limits, where the other services refuse everything at once."""
    free = {"rate_limit_caller": 0, "rate_limit_organization": 0, "login_failures": 10_000, "http_port": free_port()}
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(running(settings.model_copy(update=free)))
        for command in WAITING:
            await stack.enter_async_context(api.playing(command, refusal))
        owner = await stack.enter_async_context(api.member())
        owner.http.base_url = url
        yield owner


def drawn(operation: Operation, ids: dict[str, str]) -> list[dict[str, Any]]:
    """The same for the same seed."""
    found: list[dict[str, Any]] = []

    @seed(SEED)
    @bounds(max_examples=EXAMPLES, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(requests(operation, ids))
    def draw(request: dict[str, Any]) -> None:
        found.append(request)

    draw()
    return found


@pytest.mark.timeout(180)
async def test_every_response_to_generated_requests_follows_the_document(api: Api, target: Member) -> None:
    async with api.client() as http:
        everything = operations((await http.get("/openapi.json")).json())
    gate, wrongs = asyncio.Semaphore(6), list[str]()
    for operation in everything:
        ids = {"instance_id": await target.instance(), "user_id": target.user_id, "session_name": new_id()[:8]}
        tries = [tried(target, operation, request, gate) for request in drawn(operation, ids)]
        wrongs += [wrong for found in await asyncio.gather(*tries) for wrong in found]
    assert wrongs == [], f"seed {SEED}"


async def tried(target: Member, operation: Operation, request: dict[str, Any], gate: asyncio.Semaphore) -> list[str]:
    async with gate:
        answer: httpx.Response = await target.http.request(operation.method, **request)
    wrongs = operation.wrongs(answer.status_code, answer.headers.get("content-type", ""), answer.json())
    if answer.status_code >= 500 and answer.status_code not in EXPECTED:
        wrongs.append(f"{operation.name}: {answer.status_code} {answer.text[:200]}")
    return [f"{wrong} ← {request}" for wrong in wrongs]


async def test_the_other_services_got_commands_too(target: Member, api: Api) -> None:
    """Some generated requests pass validation: a connect reaches the test that plays the session service."""
    async with api.playing(ConnectInstance, refusal) as commands:
        path = f"/api/whatsapp/instances/{await target.instance()}/connect"
        answer = await target.http.post(path, json={"method": "qr"})
    assert (answer.status_code, answer.json()["code"], len(commands)) == (409, "unwilling", 1)
