"""Routes for clients with named sessions, as the QR code integration guide has them."""

import asyncio
from collections.abc import Iterable
from urllib.parse import quote

import pytest

from shared.contracts.commands import ConnectInstance
from shared.contracts.events import CommandRefused
from shared.contracts.message import Event
from tests.component.api.compat.script import of, shows_qr
from tests.component.api.conftest import Api, Member

INITIALIZE = "/api/sessions/my-session/initialize-with-qr"


async def test_initializing_a_session_answers_without_waiting_for_the_scan(api: Api, member: Member) -> None:
    async with api.playing(ConnectInstance, shows_qr) as commands:
        answer = await member.http.post(INITIALIZE)
    found = answer.json()
    assert (answer.status_code, found["success"], found["sessionName"]) == (200, True, "my-session")
    assert isinstance(found["message"], str)
    assert (commands[0].instance_id, commands[0].method) == (found["instanceId"], "qr")


async def test_a_session_is_the_instance_of_this_name(api: Api, member: Member) -> None:
    async with api.playing(ConnectInstance, shows_qr):
        answers = await asyncio.gather(*(member.http.post(INITIALIZE) for _ in range(6)))
        other = await member.http.post("/api/sessions/another_1/initialize-with-qr")
    ids = {answer.json()["instanceId"] for answer in answers}
    assert len(ids) == 1
    listed = (await member.get("/api/whatsapp/instances"))["data"]
    assert {each["id"]: each["instance_name"] for each in listed} == {
        ids.pop(): "my-session",
        other.json()["instanceId"]: "another_1",
    }


async def test_an_instance_made_elsewhere_is_a_session_too(api: Api, member: Member) -> None:
    made = await member.instance(instance_name="my-session")
    async with api.playing(ConnectInstance, shows_qr):
        assert (await member.http.post(INITIALIZE)).json()["instanceId"] == made


async def test_after_renaming_the_name_is_free_again(api: Api, member: Member) -> None:
    async with api.playing(ConnectInstance, shows_qr):
        first = (await member.http.post(INITIALIZE)).json()["instanceId"]
        await member.http.patch(f"/api/whatsapp/instances/{first}", json={"instance_name": "Desk"})
        assert (await member.http.post(INITIALIZE)).json()["instanceId"] != first


async def test_the_same_name_elsewhere_is_another_session(api: Api, member: Member, stranger: Member) -> None:
    async with api.playing(ConnectInstance, shows_qr):
        ids = [(await each.http.post(INITIALIZE)).json()["instanceId"] for each in (member, stranger)]
    assert ids[0] != ids[1]


@pytest.mark.parametrize("name", ["Loja 1", "MySession", "cliente.sp", "ação", "東京店", "100%?#", "x" * 100])
async def test_a_name_is_what_people_type(api: Api, member: Member, name: str) -> None:
    async with api.playing(ConnectInstance, shows_qr):
        found = (await member.http.post(f"/api/sessions/{quote(name, safe='')}/initialize-with-qr")).json()
        again = (await member.http.post(f"/api/sessions/{quote(name, safe='')}%20/initialize-with-qr")).json()
    assert (found["sessionName"], again["instanceId"]) == (name, found["instanceId"])
    assert [each["instance_name"] for each in (await member.get("/api/whatsapp/instances"))["data"]] == [name]


@pytest.mark.parametrize("name", ["%20", "%2e%2e", "a%5Cb", "a%0Ab", "x" * 101, "a%E2%80%AEb"])
async def test_an_invalid_name_says_what_is_valid(member: Member, name: str) -> None:
    answer = await member.http.post(f"/api/sessions/{name}/initialize-with-qr")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_session_name")
    assert answer.json()["detail"].startswith("sessionName: ")
    assert (await member.get("/api/whatsapp/instances"))["data"] == []


async def test_an_error_is_answered_as_one(api: Api, member: Member) -> None:
    def refuse(command: ConnectInstance) -> Iterable[Event]:
        return [CommandRefused(**of(command), status=409, code="instance_logging_out", detail="a moment")]

    async with api.playing(ConnectInstance, refuse):
        answer = await member.http.post(INITIALIZE)
    assert (answer.status_code, answer.json()["success"], answer.json()["error"]) == (409, False, "a moment")


async def test_the_simulated_network_is_refused_where_there_is_none(member: Member) -> None:
    answer = await member.http.post(INITIALIZE, json={"network": "simulator"})
    assert (answer.status_code, answer.json()["code"]) == (422, "simulator_disabled")
