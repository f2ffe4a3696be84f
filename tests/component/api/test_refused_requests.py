"""A refused request has changed nothing, at whatever point it is refused."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from shared.contracts.commands import ConnectInstance, LogoutInstance, SendMessage
from shared.contracts.errors import Problem
from shared.contracts.events import CommandRefused, ConnectionChanged
from shared.contracts.message import Command, Event
from shared.contracts.records import ConnectionStatus as S
from shared.messaging.rpc_client import rpc_request
from tests.component.api.conftest import Api, Member
from tests.nats_messages import MESSAGES

PATH = "/api/whatsapp/instances"


def of(command: Command) -> dict[str, Any]:
    return {"organization_id": command.organization_id, "instance_id": command.instance_id, "cause": command.id}


def refuse(command: Command) -> list[Event]:
    return [CommandRefused(status=409, code="instance_logging_out", detail="Try again in a moment.", **of(command))]


def connecting(command: Command) -> list[Event]:
    return [ConnectionChanged(status=S.CONNECTING, **of(command))]


def nothing(_: Command) -> Iterable[Event]:
    return []


@pytest.fixture
async def deleted(api: Api, member: Member) -> str:
    instance = await member.instance()
    async with api.playing(LogoutInstance, nothing):
        assert (await member.http.delete(f"{PATH}/{instance}")).status_code == 200
    return instance


async def listed(member: Member) -> list[str]:
    return [each["id"] for each in (await member.get(PATH))["data"]]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"method": "code"}, 400, "missing_field"),
        (None, 400, "missing_field"),
        ({"method": "code", "phone_number": "12"}, 422, "invalid_phone"),
        ({"method": "sms"}, 422, "validation_failed"),
        ({"method": "qr", "color": "red"}, 422, "validation_failed"),
    ],
)
async def test_a_connect_that_is_not_valid_restores_no_deleted_instance(
    member: Member, deleted: str, body: dict[str, Any] | None, status: int, code: str
) -> None:
    answer = await member.http.post(f"{PATH}/{deleted}/connect", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await listed(member) == []


async def test_an_invalid_connect_over_nats_restores_nothing(api: Api, member: Member, deleted: str) -> None:
    request = MESSAGES.ConnectInstanceRequest(
        organization_id=member.organization_id, instance_id=deleted, method="code"
    )
    with pytest.raises(Problem, match="pairing code"):
        await rpc_request(api.nats, request)
    assert await listed(member) == []


@pytest.mark.parametrize("body", [{"method": "qr"}, {"method": "code", "phone_number": "4915112345678"}])
async def test_a_connect_that_the_session_service_refuses_restores_nothing(
    api: Api, member: Member, deleted: str, body: dict[str, Any]
) -> None:
    async with api.playing(ConnectInstance, refuse):
        answer = await member.http.post(f"{PATH}/{deleted}/connect", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "instance_logging_out")
    assert await listed(member) == []


async def test_a_refused_connect_deletes_nothing_that_another_one_restored(
    api: Api, member: Member, deleted: str
) -> None:
    path, qr = f"{PATH}/{deleted}/connect", {"method": "qr"}

    def first_only(command: Command) -> list[Event]:
        return refuse(command) if len(commands) > 1 else connecting(command)

    async with api.playing(ConnectInstance, first_only) as commands:
        answers = [(await member.http.post(path, json=qr)).status_code for _ in range(2)]
    assert answers == [200, 409]
    assert await listed(member) == [deleted]


async def test_the_key_of_a_refused_send_is_not_used_up(api: Api, member: Member) -> None:
    instance, key = await member.instance(), {"Idempotency-Key": "one"}
    path, texts = f"{PATH}/{instance}/send", [{"to": "4915112345678", "message": text, "wait": 0} for text in "ab"]
    refused = await member.http.post(path, json=texts[0], headers=key)
    assert (refused.status_code, refused.json()["code"]) == (409, "instance_not_connected")
    await api.connection(member, instance)
    commands: list[SendMessage]
    answer: Callable[[SendMessage], Iterable[Event]] = nothing
    async with api.playing(SendMessage, answer) as commands:
        assert (await member.http.post(path, json=texts[1], headers=key)).status_code == 202
    assert [command.text for command in commands] == ["b"]
