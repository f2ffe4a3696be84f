"""Every request: limits, unreadable bodies, headers, health, the description of the api."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.component.api.conftest import Api, Member

PATH = "/api/whatsapp/instances"
PROBLEM = "application/problem+json"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "invalid_json"),
        (b"\xff\xfe", "invalid_json"),
        (b"[" * 100_000, "invalid_json"),
        (b"[]", "validation_failed"),
        (b'"text"', "validation_failed"),
        (b'{"instance_name": "\\ud800"}', "validation_failed"),
        (b'{"instance_name": "x", "\\ud800": 1}', "validation_failed"),
    ],
)
async def test_an_unreadable_body_is_the_clients_mistake(member: Member, body: bytes, code: str) -> None:
    answer = await member.http.post(PATH, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.headers["Content-Type"] == PROBLEM


async def test_json_is_read_however_curl_calls_it(member: Member) -> None:
    sent = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await member.http.post(PATH, content=b'{"instance_name": "x"}', headers=sent)).status_code == 200


async def test_many_invalid_fields_give_a_short_response(member: Member) -> None:
    answer = await member.http.post(PATH, json={f"field {number}": 1 for number in range(10_000)})
    assert answer.status_code == 422
    assert len(answer.content) < 10_000


async def test_a_body_too_large_is_refused_announced_or_not(member: Member) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 100_000

    announced = await member.http.post(PATH, content=b"x" * 1_100_000)
    streamed = await member.http.post(PATH, content=pieces(), headers={"Content-Type": "application/json"})
    for answer in (announced, streamed):
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


async def test_every_response_has_a_request_id_and_security_headers(api: Api, member: Member) -> None:
    for path in ("/api/organization", "/nowhere", "/health"):
        answer = await member.http.get(path, headers={"X-Request-Id": "order-7.1"})
        assert answer.headers["X-Request-Id"] == "order-7.1"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    made_up = await member.http.get("/nowhere", headers={"X-Request-Id": "<script>"})
    assert re.fullmatch(r"[0-9a-f]{32}", made_up.headers["X-Request-Id"])
    assert made_up.json()["request_id"] == made_up.headers["X-Request-Id"]


async def test_a_problem_has_the_fields_of_old_and_new_clients(member: Member) -> None:
    found = (await member.http.get("/nowhere")).json()
    assert set(found) == {"type", "title", "status", "detail", "code", "request_id", "success", "error"}
    assert (found["success"], found["error"], found["status"]) == (False, found["detail"], 404)


async def test_a_wrong_method_names_the_allowed_ones(member: Member) -> None:
    answer = await member.http.put(PATH)
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) & {"GET", "POST"}


@pytest.mark.parametrize("search", ["\x00", "a\nb", "x" * 101])
async def test_a_search_is_one_short_line(member: Member, search: str) -> None:
    answer = await member.http.get("/api/contacts", params={"search": search})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "search")


@pytest.mark.parametrize("name", ["%00", "..%2F..%2Fetc", "$ne", "x" * 2000, "%F0%9F%98%80"])
async def test_an_odd_id_is_an_unknown_one(member: Member, name: str) -> None:
    for kind in ("whatsapp/instances", "contacts", "conversations", "messages", "bookings"):
        assert (await member.http.get(f"/api/{kind}/{name}")).status_code == 404


async def test_only_listed_front_ends_of_other_hosts_may_call(api: Api) -> None:
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "Authorization"}
    async with api.client() as http:
        listed = await http.options("/api/organization", headers={"Origin": "https://front.example", **asked})
        other = await http.options("/api/organization", headers={"Origin": "https://evil.example", **asked})
    assert listed.headers["Access-Control-Allow-Origin"] == "https://front.example"
    assert "Access-Control-Allow-Origin" not in other.headers


@pytest.mark.parametrize("path", ["/health", "/health/live", "/health/ready", "/readyz"])
async def test_health_needs_no_token(api: Api, path: str) -> None:
    async with api.client() as http:
        answer = await http.get(path)
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert answer.json()["timestamp"]


async def document(api: Api) -> dict[str, Any]:
    async with api.client() as http:
        found: dict[str, Any] = (await http.get("/openapi.json")).json()
    return found


async def test_every_operation_describes_its_answer_and_its_problems(api: Api) -> None:
    found = await document(api)
    for path, operations in found["paths"].items():
        for operation in operations.values():
            good = [answer for status, answer in operation["responses"].items() if status[0] == "2"]
            assert all(answer["content"]["application/json"]["schema"] for answer in good), path
            assert list(operation["responses"]["422"]["content"]) == [PROBLEM], path
            assert operation["description"], path
    assert "HTTPValidationError" not in json.dumps(found)


async def test_the_documentation_is_self_contained_and_names_every_route(api: Api) -> None:
    async with api.client() as http:
        page = (await http.get("/docs")).text
    assert not re.search(r"<(script|link|img)|https?://|@import|url\(", page)
    assert all(path in page for path in (await document(api))["paths"])
    assert "Idempotency-Key" in page


async def test_messages_on_nats_are_described_as_page_and_document(api: Api) -> None:
    async with api.client() as http:
        document = (await http.get("/asyncapi.json")).json()
        assert document["asyncapi"] == "3.0.0"
        page = await http.get("/docs/events")
        assert page.headers["content-type"].startswith("text/html")
        assert "style-src 'sha256-" in page.headers["content-security-policy"]
        assert all(f"<h3>{name}</h3>" in page.text for name in ("MessageReceived", "SendMessage", "ListContacts"))
        assert "/docs/events" in (await http.get("/docs")).text


async def test_long_responses_are_compressed_for_clients_that_accept_it(member: Member) -> None:
    for path in ("/openapi.json", "/console/js/main.js", "/"):
        answer = await member.http.get(path, headers={"Accept-Encoding": "gzip"})
        assert (answer.status_code, answer.headers.get("content-encoding")) == (200, "gzip"), path
        plain = await member.http.get(path, headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers
        assert plain.text == answer.text
