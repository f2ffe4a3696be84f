"""An API key limited to one instance: that instance is the account of clients that know only one."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from shared.contracts.commands import ConnectInstance, SendMessage
from tests.component.api.compat.script import sends, shows_qr
from tests.component.api.conftest import Api, Member

TO = "4917612345678"


@dataclass(frozen=True)
class Limited:
    http: httpx.AsyncClient
    mine: str
    other: str


@pytest.fixture
async def limited(api: Api, member: Member) -> AsyncIterator[Limited]:
    other, mine = await member.instance(instance_name="other"), await member.instance(instance_name="mine")
    for instance in (other, mine):
        await api.connection(member, instance)
    new = {"name": "x", "scopes": ["read", "send", "manage"], "instance_ids": [mine]}
    key = (await member.http.post("/api/api-keys", json=new)).json()["data"]["key"]
    async with api.client(**{"X-Api-Key": key}) as http:
        yield Limited(http, mine, other)


async def test_its_instance_is_the_only_account(api: Api, limited: Limited) -> None:
    assert (await limited.http.get("/api/whatsapp/status")).json()["instanceId"] == limited.mine
    async with api.playing(ConnectInstance, shows_qr) as commands:
        await limited.http.post("/api/whatsapp/connect")
        await limited.http.post("/api/sessions/mine/initialize-with-qr")
    async with api.playing(SendMessage, sends) as sent:
        await limited.http.post("/api/whatsapp/send-message", json={"to": TO, "message": "x"})
    assert {command.instance_id for command in (*commands, *sent)} == {limited.mine}
    assert (len(commands), len(sent)) == (2, 1)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/whatsapp/send-message", {"to": TO, "message": "x", "instanceId": "{other}"}),
        ("GET", "/api/whatsapp/qr?instanceId={other}", None),
    ],
)
async def test_no_other_instance_is_found(
    limited: Limited, method: str, path: str, body: dict[str, Any] | None
) -> None:
    filled = {key: value.format(other=limited.other) for key, value in body.items()} if body else None
    answer = await limited.http.request(method, path.format(other=limited.other), json=filled)
    assert (answer.status_code, answer.json()["code"]) == (404, "instance_not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/sessions/other/initialize-with-qr"),
        ("POST", "/api/sessions/new/initialize-with-qr"),
        ("GET", "/api/whatsapp/contacts"),
        ("GET", "/api/v1/whatsapp/sessions"),
    ],
)
async def test_it_creates_none_and_reads_nothing_of_the_whole_organization(
    limited: Limited, method: str, path: str
) -> None:
    answer = await limited.http.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (403, "key_limited")
