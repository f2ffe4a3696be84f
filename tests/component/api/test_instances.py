"""Instances over REST: created, read, changed, connected, disconnected."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.commands import ConnectInstance, DisconnectInstance, LogoutInstance
from shared.contracts.events import CommandRefused, ConnectionChanged, PairingCodeIssued
from shared.contracts.message import Command, Event, utc_now
from shared.contracts.queries import ListShownCodes
from shared.contracts.records import ConnectionStatus as S
from shared.messaging.rpc_client import rpc_request
from shared.platform.mongo import Document
from tests.component.api.compat.script import shows_qr
from tests.component.api.conftest import Api, Member
from tests.component.api.test_organization import settings_events
from tests.nats_messages import MESSAGES
from tests.waiting import until

PATH = "/api/whatsapp/instances"


def of(command: Command) -> dict[str, Any]:
    """What an event has from the command that caused it."""
    return {
        "organization_id": command.organization_id,
        "instance_id": command.instance_id,
        "cause": command.id,
    }


def becomes(status: S, **fields: Any) -> Callable[[Command], Iterable[Event]]:
    return lambda command: [ConnectionChanged(status=status, **of(command), **fields)]


async def test_a_new_instance_has_the_fields_clients_expect(member: Member) -> None:
    body = {"organization_id": member.organization_id, "instance_name": " Desk ", "phone_number": "+55 11 99988-7766"}
    answer = await member.http.post(PATH, json=body)
    found = answer.json()
    assert (answer.status_code, found["success"]) == (200, True)
    instance = found["instance"]
    assert instance["organization_id"] == member.organization_id
    assert (instance["instance_name"], instance["phone_number"]) == ("Desk", "5511999887766")
    assert (instance["status"], instance["pairing_method"], instance["network"]) == ("disconnected", "code", "whatsapp")
    assert (await member.get(f"{PATH}/{instance['id']}"))["instance"] == instance


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({}, 400, "missing_field", "instance_name"),
        ({"instance_name": "  "}, 422, "validation_failed", "instance_name"),
        ({"instance_name": "x" * 81}, 422, "validation_failed", "instance_name"),
        ({"instance_name": "x", "phone_number": "11999887766"}, 422, "invalid_phone", "phone_number"),
        ({"instance_name": "x", "phone": "4915112345678"}, 422, "validation_failed", "phone"),
        ({"instance_name": "x", "network": "telegram"}, 422, "validation_failed", "network"),
        ({"instance_name": "x", "network": "simulator"}, 422, "simulator_disabled", "network"),
        ({"instance_name": "x", "organization_id": "org_123"}, 403, "organization_mismatch", "organization_id"),
    ],
)
async def test_an_invalid_instance_has_its_reason(
    member: Member, body: dict[str, Any], status: int, code: str, field: str
) -> None:
    answer = await member.http.post(PATH, json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"].startswith(field)
    assert (await member.get(PATH))["data"] == []


async def test_omitted_fields_are_not_changed(member: Member) -> None:
    path = f"{PATH}/{await member.instance(phone_number='+4915112345678')}"
    renamed = (await member.http.patch(path, json={"instance_name": "Bar"})).json()["instance"]
    assert (renamed["instance_name"], renamed["phone_number"]) == ("Bar", "4915112345678")
    forgotten = (await member.http.patch(path, json={"phone_number": None})).json()["instance"]
    assert (forgotten["instance_name"], forgotten["phone_number"]) == ("Bar", None)
    assert (await member.http.patch(path, json={"instance_name": None})).status_code == 422


async def test_the_state_comes_from_the_connection(api: Api, member: Member) -> None:
    instance = await member.instance()
    why = {"reason": "banned", "detail": "WhatsApp restricts this account.", "until": utc_now() + timedelta(days=1)}
    await api.connection(member, instance, status="restricted", phone_number="4915112345678", **why)
    codes = [(await member.get(PATH))["data"][0], (await member.get(f"{PATH}/{instance}"))["instance"]]
    for found in codes:
        assert (found["status"], found["reason"], found["phone_number"]) == ("restricted", "banned", "4915112345678")
        assert found["until"]
    status = await member.get(f"{PATH}/{instance}/status")
    assert (status["is_running"], status["instance"]["detail"]) == (False, why["detail"])


async def test_the_number_is_that_of_the_linked_phone(api: Api, member: Member) -> None:
    instance = await member.instance(phone_number="+4915112345678")
    linked = {"phone_number": "4917099999999", "jid": "4917099999999:1@s.whatsapp.net"}
    await api.connection(member, instance, **linked, previous_phone_number="4915112345678")
    path = f"{PATH}/{instance}"
    for codes in [(await member.get(each))["instance"] for each in (path, f"{path}/status")]:
        assert (codes["phone_number"], codes["previous_phone_number"]) == ("4917099999999", "4915112345678")
    gone = {"$set": {"jid": None}}
    await api.database.connections.update_one({"_id": instance}, gone)
    assert (await member.get(path))["instance"]["phone_number"] == "4915112345678"


async def test_the_status_counts_messages_and_not_notes(
    api: Api, member: Member, records: Callable[..., Document]
) -> None:
    instance = await member.instance()
    await api.connection(member, instance)
    await api.database.messages.insert_many(
        [
            records(instance_id=instance, **fields)
            for fields in (
                {"direction": "outbound"},
                {"direction": "outbound"},
                {"direction": "inbound"},
                {"kind": "note"},
            )
        ]
    )
    found = await member.get(f"{PATH}/{instance}/status")
    assert found["is_running"] is True
    counts = found["instance"]
    assert (counts["messages_sent_count"], counts["messages_received_count"]) == (2, 1)


async def test_connecting_by_code_answers_the_code(api: Api, member: Member) -> None:
    instance = await member.instance()

    def answer(command: ConnectInstance) -> list[Event]:
        number, until = str(command.phone_number), utc_now() + timedelta(minutes=1)
        code = PairingCodeIssued(code="ABCD-EFGH", phone_number=number, expires_at=until, **of(command))
        return [ConnectionChanged(status=S.CONNECTING, **of(command)), code]

    async with api.playing(ConnectInstance, answer) as commands:
        found = (await member.http.post(f"{PATH}/{instance}/connect", json={"phone_number": "+4915112345678"})).json()
    assert (found["success"], found["method"], found["pairingCode"]) == (True, "code", "ABCDEFGH")
    assert found["expires_at"]
    assert (commands[0].method, commands[0].phone_number) == ("code", "4915112345678")


async def test_a_linked_account_needs_no_code(api: Api, member: Member) -> None:
    instance = await member.instance(phone_number="4915112345678")
    async with api.playing(ConnectInstance, becomes(S.CONNECTED)):
        found = (await member.http.post(f"{PATH}/{instance}/connect")).json()
    assert (found["status"], "pairingCode" in found) == ("connected", False)


async def test_a_connection_that_fails_before_its_code_has_its_reason(api: Api, member: Member) -> None:
    instance = await member.instance(phone_number="4915112345678")
    failed = becomes(S.FAILED, reason="pairing_failed", detail="No account has this number.")
    async with api.playing(ConnectInstance, failed):
        answer = await member.http.post(f"{PATH}/{instance}/connect", json={"method": "code"})
    assert (answer.status_code, answer.json()["code"]) == (502, "pairing_failed")
    assert answer.json()["detail"] == "No account has this number."


async def test_a_code_needs_a_number(member: Member) -> None:
    answer = await member.http.post(f"{PATH}/{await member.instance()}/connect", json={"method": "code"})
    assert (answer.status_code, answer.json()["code"]) == (400, "missing_field")
    assert answer.json()["errors"][0]["field"] == "phone_number"


async def test_connecting_by_qr_answers_before_there_is_a_code(api: Api, member: Member) -> None:
    instance = await member.instance()
    async with api.playing(ConnectInstance, becomes(S.CONNECTING)) as commands:
        answer = await member.http.post(f"{PATH}/{instance}/connect", json={"method": "qr"})
    assert (answer.status_code, answer.json()["success"], answer.json()["method"]) == (200, True, "qr")
    assert (commands[0].method, commands[0].instance_id) == ("qr", instance)


async def test_a_refused_connect_is_the_response(api: Api, member: Member) -> None:
    instance = await member.instance()

    def refuse(command: ConnectInstance) -> list[Event]:
        return [CommandRefused(status=409, code="instance_restricted", detail="Until tomorrow.", **of(command))]

    async with api.playing(ConnectInstance, refuse):
        answer = await member.http.post(f"{PATH}/{instance}/connect", json={"method": "qr"})
    assert (answer.status_code, answer.json()["code"]) == (409, "instance_restricted")


async def test_the_current_pairing_code_is_there_until_it_expires(api: Api, member: Member) -> None:
    instance = await member.instance(phone_number="4915112345678")
    place = f"{PATH}/{instance}/pairing-code"
    assert (await member.http.get(place)).json()["code"] == "pairing_code_not_available"
    fresh = {"code": "ABCD-EFGH", "phone_number": "4915112345678", "expires_at": utc_now() + timedelta(minutes=1)}
    await api.connection(member, instance, status="pairing", pairing_code=fresh)
    found = (await member.get(place))["data"]
    assert (found["code"], found["phone_number"]) == ("ABCDEFGH", "4915112345678")
    await api.connection(member, instance, status="connected", pairing_code=fresh)
    assert (await member.http.get(place)).status_code == 404
    await api.connection(member, instance, status="pairing", pairing_code=fresh | {"expires_at": utc_now()})
    assert (await member.http.get(place)).status_code == 404


async def test_the_current_qr_is_there_until_it_expires(api: Api, member: Member) -> None:
    instance = await member.instance()
    assert (await member.http.get(f"{PATH}/{instance}/qr")).json()["code"] == "qr_not_available"
    qr = {"qr": "2@abc", "data_url": "data:image/png;base64,AA", "ascii": "##", "attempt": 2}
    fresh = qr | {"expires_at": utc_now() + timedelta(minutes=1)}
    await api.connection(member, instance, status="qr_pending", qr=fresh)
    found = (await member.get(f"{PATH}/{instance}/qr"))["data"]
    assert (found["qr"], found["data_url"], found["attempt"]) == ("2@abc", "data:image/png;base64,AA", 2)
    await api.connection(member, instance, status="qr_pending", qr=qr | {"expires_at": utc_now()})
    assert (await member.http.get(f"{PATH}/{instance}/qr")).status_code == 404


async def test_all_current_codes_of_an_organization_are_answered_over_nats(
    api: Api, member: Member, stranger: Member
) -> None:
    now = utc_now()
    qr = {"qr": "2@abc", "data_url": "data:image/png;base64,AA", "ascii": "##", "attempt": 2}
    code = {"code": "ABCD-EFGH", "phone_number": "4915112345678", "expires_at": now + timedelta(minutes=1)}
    scanned, typed, late, linked = [await member.instance() for _ in range(4)]
    await api.connection(member, scanned, status="qr_pending", qr=qr | {"expires_at": now + timedelta(minutes=1)})
    await api.connection(member, typed, status="pairing", pairing_code=code)
    await api.connection(member, late, status="qr_pending", qr=qr | {"expires_at": now})
    await api.connection(member, linked, status="connected", pairing_code=code)
    codes = await rpc_request(api.nats, ListShownCodes(organization_id=member.organization_id))
    assert {instance: each["attempt"] for instance, each in codes["qr"].items()} == {scanned: 2}
    assert {instance: each["code"] for instance, each in codes["pairing"].items()} == {typed: "ABCDEFGH"}
    others = await rpc_request(api.nats, ListShownCodes(organization_id=stranger.organization_id))
    assert (others["qr"], others["pairing"]) == ({}, {})


@pytest.mark.parametrize(
    ("action", "command", "status"),
    [("disconnect", DisconnectInstance, S.DISCONNECTED), ("logout", LogoutInstance, S.LOGGED_OUT)],
)
async def test_disconnect_waits_until_the_connection_is_closed(
    api: Api, member: Member, action: str, command: type[Command], status: S
) -> None:
    instance = await member.instance()
    async with api.playing(command, becomes(status)) as commands:
        answer = await member.http.post(f"{PATH}/{instance}/{action}")
    assert answer.json() == {"success": True, "status": status}
    assert commands[0].instance_id == instance


async def test_a_deleted_instance_is_unlinked_and_found_by_nobody(api: Api, member: Member) -> None:
    instance = await member.instance()
    async with api.playing(LogoutInstance, lambda _: []) as commands:
        assert (await member.http.delete(f"{PATH}/{instance}")).json() == {"success": True}
        await api.nats.flush()
    assert (commands[0].instance_id, commands[0].delete) == (instance, True)
    assert (await member.get(PATH))["data"] == []
    assert (await member.http.get(f"{PATH}/{instance}")).status_code == 404


async def test_a_deleted_instance_is_connected_again_and_a_removed_one_is_not(
    api: Api, member: Member, stranger: Member
) -> None:
    """Front ends show a new code by DELETE and connect with the same id."""
    instance = await member.instance()
    async with (
        api.playing(LogoutInstance, lambda _: []),
        api.playing(ConnectInstance, shows_qr) as commands,
    ):
        assert (await member.http.delete(f"{PATH}/{instance}")).status_code == 200
        assert (await stranger.http.post(f"{PATH}/{instance}/connect", json={"method": "qr"})).status_code == 404
        assert (await member.http.post(f"{PATH}/{instance}/connect", json={"method": "qr"})).status_code == 200
        assert [each["id"] for each in (await member.get(PATH))["data"]] == [instance]
        assert [command.instance_id for command in commands] == [instance]
        await member.http.delete(f"{PATH}/{instance}")
        assert (await stranger.http.post(f"{PATH}/{instance}/remove")).status_code == 404
        assert (await member.http.post(f"{PATH}/{instance}/remove")).json() == {"success": True}
        for path in ("connect", "remove"):
            assert (await member.http.post(f"{PATH}/{instance}/{path}")).status_code == 404
    assert (await member.get(PATH))["data"] == []


HOURS: dict[str, Any] = {"time_zone": "Europe/Berlin", "weekly": {"mon": [["09:00", "12:00"]]}}
AS_ORGANIZATION = dict.fromkeys(("booking_policy", "booking_keywords", "opening_hours", "bookings_without_words"))


async def settings_of(member: Member, instance_id: str) -> Any:
    return (await member.get(f"{PATH}/{instance_id}"))["instance"]["settings"]


async def test_settings_of_an_instance_are_set_and_given_back_one_by_one(api: Api, member: Member) -> None:
    instance_id = await member.instance()
    assert await settings_of(member, instance_id) == AS_ORGANIZATION
    first = {"booking_policy": "keywords", "booking_keywords": ["cut"]}
    answer = await member.http.patch(f"{PATH}/{instance_id}", json={"settings": first})
    assert (answer.status_code, answer.json()["instance"]["settings"]) == (200, AS_ORGANIZATION | first), answer.text
    message = MESSAGES.ChangeInstanceRequest(
        organization_id=member.organization_id, instance_id=instance_id, settings={"opening_hours": HOURS}
    )
    told = (await rpc_request(api.nats, message))["instance"]
    assert told["settings"] == AS_ORGANIZATION | first | {"opening_hours": HOURS}
    body = {"instance_name": "Front desk", "settings": {"booking_policy": None, "bookings_without_words": True}}
    answer = await member.http.patch(f"{PATH}/{instance_id}", json=body)
    assert answer.json()["instance"]["instance_name"] == "Front desk"
    wanted = {"booking_keywords": ["cut"], "opening_hours": HOURS, "bookings_without_words": True}
    assert await settings_of(member, instance_id) == AS_ORGANIZATION | wanted
    assert [each["settings"] for each in (await member.get(PATH))["data"]] == [AS_ORGANIZATION | wanted]
    nothing: dict[str, Any]
    for nothing in ({}, {"settings": {}}):
        assert (await member.http.patch(f"{PATH}/{instance_id}", json=nothing)).status_code == 200
    assert await settings_of(member, instance_id) == AS_ORGANIZATION | wanted


async def test_two_changes_at_once_are_both_stored(member: Member) -> None:
    instance_id = await member.instance()
    changes = ({"booking_policy": "off"}, {"bookings_without_words": True})
    await asyncio.gather(*(member.http.patch(f"{PATH}/{instance_id}", json={"settings": change}) for change in changes))
    assert await settings_of(member, instance_id) == AS_ORGANIZATION | changes[0] | changes[1]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (None, ""),
        ({"booking_policy": "sometimes"}, ".booking_policy"),
        ({"booking_policy": "keywords"}, ".booking_keywords"),
        ({"booking_policy": "opening_hours"}, ".opening_hours"),
        ({"booking_policy": "keywords", "booking_keywords": []}, ".booking_keywords"),
        ({"booking_keywords": ["x"] * 51}, ".booking_keywords"),
        ({"opening_hours": HOURS | {"time_zone": "Berlin"}}, ".opening_hours.time_zone"),
        ({"owner_numbers": ["4915112345678"]}, ".owner_numbers"),
        ({"bookings_without_words": "yes"}, ".bookings_without_words"),
    ],
)
async def test_a_setting_that_makes_no_sense_is_named_and_changes_nothing(
    member: Member, given: Any, field: str
) -> None:
    instance_id = await member.instance()
    answer = await member.http.patch(f"{PATH}/{instance_id}", json={"instance_name": "New", "settings": given})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, f"settings{field}"), answer.text
    found = (await member.get(f"{PATH}/{instance_id}"))["instance"]
    assert (found["instance_name"], found["settings"]) == ("Desk", AS_ORGANIZATION)


async def test_a_policy_needs_no_words_of_its_own_when_the_organization_has_some(member: Member) -> None:
    instance_id = await member.instance()
    organization = {"settings": {"booking_keywords": ["cut"], "opening_hours": HOURS}}
    assert (await member.http.patch("/api/organization", json=organization)).status_code == 200
    for policy in ("keywords", "opening_hours"):
        body = {"settings": {"booking_policy": policy}}
        assert (await member.http.patch(f"{PATH}/{instance_id}", json=body)).status_code == 200


async def test_settings_of_a_foreign_instance_and_without_the_right_are_refused(
    api: Api, member: Member, stranger: Member
) -> None:
    instance_id, body = await member.instance(), {"settings": {"booking_policy": "off"}}
    assert (await stranger.http.patch(f"{PATH}/{instance_id}", json=body)).status_code == 404
    async with api.member("agent", member.organization_id) as agent:
        assert (await agent.http.patch(f"{PATH}/{instance_id}", json=body)).status_code == 403
    assert await settings_of(member, instance_id) == AS_ORGANIZATION


async def test_routers_are_told_about_changed_settings_of_an_instance_and_of_nothing_else(
    api: Api, member: Member
) -> None:
    instance_id = await member.instance()
    async with settings_events(api, member) as events:
        bodies: list[dict[str, Any]] = [
            {"instance_name": "New"},
            {"settings": {}},
            {"settings": {"booking_policy": "off"}},
        ]
        for body in bodies:
            assert (await member.http.patch(f"{PATH}/{instance_id}", json=body)).status_code == 200
        await until(lambda: bool(events))
    assert [event.instance_id for event in events] == [instance_id]
