"""Requests that no documented client sends are refused with a reason, in every dialect."""

from typing import Any

import pytest

from tests.component.api.conftest import Member

POSTS = (
    "/api/whatsapp/connect",
    "/api/v1/whatsapp/start-session",
    "/api/v1/whatsapp/send-message",
    "/api/whatsapp/send-message",
    "/api/sessions/one/initialize-with-qr",
)


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"\xff", b'{"network": "telegram"}', b'{"network": 7}'])
async def test_a_body_that_is_not_one_is_refused(member: Member, path: str, body: bytes) -> None:
    answer = await member.http.post(path, content=body, headers={"Content-Type": "application/json"})
    found = answer.json()
    assert (answer.status_code, found["success"], bool(found["error"])) == (422, False, True)
    assert (await member.get("/api/whatsapp/instances"))["data"] == []


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/api/v1/whatsapp/start-session", {"phoneNumber": 12125551234}, "phoneNumber"),
        ("/api/v1/whatsapp/start-session", {}, "phoneNumber"),
        ("/api/v1/whatsapp/send-message", {"phoneNumber": "+12125551234", "message": "x"}, "accountId"),
        ("/api/whatsapp/send-message", {"to": "+12125551234", "message": " "}, "message"),
        ("/api/whatsapp/send-message", {"to": "+12125551234", "message": "x", "clientId": ""}, "clientId"),
        ("/api/whatsapp/send-message", {"to": "+12125551234", "message": "x", "wait": 61}, "wait"),
    ],
)
async def test_a_wrong_field_is_named_as_the_client_calls_it(
    member: Member, path: str, body: dict[str, Any], field: str
) -> None:
    answer = await member.http.post(path, json=body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("query", ["instanceId=%00", "forceNew=perhaps", "network=telegram", f"instanceId={'x' * 65}"])
async def test_a_wrong_query_is_refused(member: Member, query: str) -> None:
    answer = await member.http.get(f"/api/whatsapp/qr?{query}")
    assert answer.status_code in (404, 422)
    assert answer.json()["success"] is False
