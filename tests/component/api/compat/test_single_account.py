"""Routes for front ends with a single account, as their document (plan 02.1-02) has them."""

import asyncio
from collections.abc import Iterable
from datetime import timedelta

import pytest

from shared.contracts.commands import ConnectInstance, DisconnectInstance
from shared.contracts.events import CommandRefused
from shared.contracts.message import Event, utc_now
from shared.contracts.queries import ReadDefaultInstance
from shared.contracts.records import ConnectionStatus as S
from shared.messaging.rpc_client import rpc_request
from tests.component.api.compat.script import QR, becomes, of, shown_qr, shows_qr
from tests.component.api.conftest import Api, Member

CONNECT, STATUS, DISCONNECT = (f"/api/whatsapp/{action}" for action in ("connect", "status", "disconnect"))


async def connected(api: Api, member: Member) -> str:
    """The id of the account that the first connect made."""
    async with api.playing(ConnectInstance, shows_qr):
        answer = await member.http.post(CONNECT)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["instanceId"])


async def test_connect_answers_with_an_initializing_flag_before_anybody_scans(api: Api, member: Member) -> None:
    async with api.playing(ConnectInstance, shows_qr) as commands:
        answer = await member.http.post(CONNECT)
    found = answer.json()
    assert (answer.status_code, found["success"], found["initializing"]) == (200, True, True)
    assert (commands[0].method, commands[0].network, commands[0].instance_id) == ("qr", "whatsapp", found["instanceId"])


async def test_before_the_first_connect_nothing_is_ready_and_nothing_is_made(member: Member) -> None:
    found = await member.get(STATUS)
    assert (found["isReady"], found["isInitializing"], found["hasQR"]) == (False, False, False)
    assert found["phoneNumber"] is None
    assert (await member.get("/api/whatsapp/instances"))["data"] == []


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("disconnected", set()),
        ("connecting", {"isInitializing"}),
        ("qr_pending", {"hasQR"}),
        ("connected", {"isReady"}),
        ("reconnecting", {"isInitializing"}),
        ("logged_out", set()),
        ("failed", set()),
    ],
)
async def test_status_is_that_of_the_account(api: Api, member: Member, state: str, expected: set[str]) -> None:
    account = await connected(api, member)
    code = shown_qr() if "hasQR" in expected else None
    await api.connection(member, account, status=state, phone_number="4915112345678", qr=code, reason="why")
    found = await member.get(STATUS)
    assert {flag for flag in ("isReady", "isInitializing", "hasQR") if found[flag] is True} == expected
    assert (found["phoneNumber"], found["instanceId"], found["reason"]) == ("4915112345678", account, "why")


async def test_the_same_is_answered_over_nats(api: Api, member: Member) -> None:
    query = ReadDefaultInstance(organization_id=member.organization_id)
    assert (await rpc_request(api.nats, query))["instanceId"] is None
    await connected(api, member)
    assert await rpc_request(api.nats, query) == await member.get(STATUS)


async def test_status_has_the_current_code_for_callers_who_may_link(api: Api, member: Member) -> None:
    account, soon = await connected(api, member), utc_now() + timedelta(minutes=1)
    await api.connection(member, account, status="qr_pending", qr=shown_qr())
    assert (await member.get(STATUS))["qr"]["data_url"] == QR["data_url"]
    code = {"code": "ABCD-EFGH", "phone_number": "4915112345678", "expires_at": soon}
    async with api.member("viewer", member.organization_id) as viewer:
        found = await viewer.get(STATUS)
        assert (found["hasQR"], found["qr"]) == (True, None)
        await api.connection(member, account, status="pairing", pairing_code=code)
        found = await viewer.get(STATUS)
        assert (found["hasPairingCode"], found["pairingCode"], found["isInitializing"]) == (True, None, False)
    found = await member.get(STATUS)
    assert (found["pairingCode"]["code"], found["hasQR"], found["qr"]) == ("ABCDEFGH", False, None)
    on_the_bus = await rpc_request(api.nats, ReadDefaultInstance(organization_id=member.organization_id))
    assert (on_the_bus["hasPairingCode"], on_the_bus["pairingCode"]) == (True, None)


async def test_an_expired_code_is_not_returned(api: Api, member: Member) -> None:
    account = await connected(api, member)
    await api.connection(member, account, status="qr_pending", qr=QR | {"expires_at": utc_now()})
    assert (await member.get(STATUS))["hasQR"] is False


async def test_disconnect_closes_the_same_account(api: Api, member: Member) -> None:
    account = await connected(api, member)
    async with api.playing(DisconnectInstance, becomes(S.DISCONNECTED)) as commands:
        answer = await member.http.post(DISCONNECT)
    assert (answer.status_code, answer.json()["success"]) == (200, True)
    assert [command.instance_id for command in commands] == [account]


async def test_without_an_account_there_is_nothing_to_disconnect(api: Api, member: Member) -> None:
    async with api.playing(DisconnectInstance, lambda command: []) as commands:
        answer = await member.http.post(DISCONNECT)
    assert (answer.status_code, answer.json()["success"], commands) == (200, True, [])


async def test_many_connects_at_once_mean_one_account(api: Api, member: Member) -> None:
    async with api.playing(ConnectInstance, shows_qr):
        answers = await asyncio.gather(*(member.http.post(CONNECT, json={}) for _ in range(8)))
    assert len({answer.json()["instanceId"] for answer in answers}) == 1
    assert len((await member.get("/api/whatsapp/instances"))["data"]) == 1


async def test_an_existing_instance_is_the_account(api: Api, member: Member) -> None:
    oldest = await member.instance(instance_name="Desk")
    await member.instance(instance_name="Van")
    assert await connected(api, member) == oldest
    assert (await member.get(STATUS))["instanceId"] == oldest


async def test_after_it_was_deleted_connect_makes_a_new_one(api: Api, member: Member) -> None:
    first = await connected(api, member)
    assert (await member.http.delete(f"/api/whatsapp/instances/{first}")).status_code == 200
    assert await connected(api, member) != first


async def test_the_session_services_refusal_is_the_answer(api: Api, member: Member) -> None:
    def refuse(command: ConnectInstance) -> Iterable[Event]:
        return [CommandRefused(**of(command), status=409, code="instance_restricted", detail="restricted until noon")]

    async with api.playing(ConnectInstance, refuse):
        answer = await member.http.post(CONNECT)
    assert (answer.status_code, answer.json()["success"]) == (409, False)
    assert (answer.json()["code"], answer.json()["error"]) == ("instance_restricted", "restricted until noon")


@pytest.mark.parametrize(("query", "body"), [("?network=simulator", None), ("", {"network": "simulator"})])
async def test_the_simulated_network_is_refused_where_there_is_none(
    member: Member, query: str, body: dict[str, str] | None
) -> None:
    answer = await member.http.post(CONNECT + query, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "simulator_disabled")
    assert answer.json()["detail"].startswith("network: ")


async def test_accounts_of_other_organizations_are_not_used(api: Api, member: Member, stranger: Member) -> None:
    theirs = await connected(api, stranger)
    assert (await member.get(STATUS))["instanceId"] is None
    assert await connected(api, member) != theirs
