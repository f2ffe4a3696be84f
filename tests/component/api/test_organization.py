"""Settings of an organization: read, changed, refused, audited."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from nats.aio.msg import Msg

from shared.contracts.events import SettingsChanged
from shared.contracts.ids import NO_INSTANCE
from shared.messaging.rpc_client import rpc_request
from tests.component.api.conftest import Api, Member
from tests.nats_messages import MESSAGES
from tests.waiting import until

DEFAULTS: dict[str, Any] = {
    "booking_policy": "one_open",
    "booking_keywords": [],
    "opening_hours": None,
    "bookings_without_words": False,
    "owner_messages": "note",
    "owner_numbers": [],
    "time_zone": None,
}
HOURS: dict[str, Any] = {"time_zone": "Europe/Berlin", "weekly": {"mon": [["09:00", "12:00"], ["13:00", "17:00"]]}}


async def change(member: Member, **settings: Any) -> tuple[int, Any]:
    answer = await member.http.patch("/api/organization", json={"settings": settings})
    return answer.status_code, answer.json()


async def settings_of(member: Member) -> Any:
    return (await member.get("/api/organization"))["data"]["settings"]


async def test_an_organization_without_settings_has_the_defaults(member: Member) -> None:
    assert await settings_of(member) == DEFAULTS


async def test_changed_settings_are_stored_and_the_others_stay(api: Api, member: Member) -> None:
    assert (await change(member, booking_policy="opening_hours", opening_hours=HOURS))[0] == 200
    status, answer = await change(member, owner_messages="ignore", owner_numbers=["+49 151 12345678", "77:1@lid"])
    assert (status, answer["data"]["settings"]) == (200, await settings_of(member))
    chosen = {"booking_policy": "opening_hours", "opening_hours": HOURS, "owner_messages": "ignore"}
    assert await settings_of(member) == DEFAULTS | chosen | {"owner_numbers": ["4915112345678", "77@lid"]}
    stored = await api.database.organizations.find_one({"_id": member.organization_id})
    assert stored
    assert stored["settings"] == await settings_of(member)
    assert (await change(member, booking_policy="off", opening_hours=None))[0] == 200
    assert (await settings_of(member))["opening_hours"] is None


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"booking_policy": "sometimes"}, "booking_policy"),
        ({"booking_policy": None}, "booking_policy"),
        ({"bookings_without_words": None}, "bookings_without_words"),
        ({"booking_policy": "keywords"}, "booking_keywords"),
        ({"booking_policy": "opening_hours"}, "opening_hours"),
        ({"booking_policies": "off"}, "booking_policies"),
        ({"booking_keywords": ["!"]}, "booking_keywords.0"),
        ({"opening_hours": HOURS | {"time_zone": "Berlin"}}, "opening_hours.time_zone"),
        ({"opening_hours": HOURS | {"holidays": []}}, "opening_hours.holidays"),
        ({"opening_hours": HOURS | {"weekly": {"tue": [["10:00", "09:00"]]}}}, "opening_hours.weekly.tue.0"),
        (
            {"opening_hours": HOURS | {"weekly": {"tue": [["08:00", "10:00"], ["09:00", "11:00"]]}}},
            "opening_hours.weekly.tue",
        ),
        ({"owner_numbers": ["0151 123"]}, "owner_numbers.0"),
        ({"time_zone": "Sao Paulo"}, "time_zone"),
        ({"time_zone": "America/Sao_Paulo" * 10}, "time_zone"),
    ],
)
async def test_an_invalid_setting_is_named_and_changes_nothing(
    member: Member, given: dict[str, Any], field: str
) -> None:
    status, answer = await change(member, **given)
    assert (status, [error["field"] for error in answer["errors"]]) == (422, [f"settings.{field}"])
    assert await settings_of(member) == DEFAULTS


async def test_settings_that_a_policy_requires_cannot_be_removed(member: Member) -> None:
    assert (await change(member, booking_policy="keywords", booking_keywords=["term"]))[0] == 200
    status, answer = await change(member, booking_keywords=[])
    assert (status, answer["errors"][0]["field"]) == (422, "settings.booking_keywords")


async def test_a_time_zone_is_set_and_removed(member: Member) -> None:
    status, answer = await change(member, time_zone="America/Sao_Paulo")
    assert (status, answer["data"]["settings"]) == (200, DEFAULTS | {"time_zone": "America/Sao_Paulo"})
    assert (await change(member, time_zone=None))[1]["data"]["settings"] == DEFAULTS


@pytest.mark.parametrize("name", ["Padaria São João", "مخبز", "x" * 80])
async def test_an_organization_is_renamed_over_rest_and_nats(api: Api, member: Member, name: str) -> None:
    assert (await change(member, booking_policy="off"))[0] == 200
    answer = await member.http.patch("/api/organization", json={"name": f" {name} "})
    assert (answer.status_code, answer.json()["data"]["name"]) == (200, name), answer.text
    message = MESSAGES.ChangeOrganizationRequest(
        organization_id=member.organization_id, name="Acme", settings={"owner_messages": "ignore"}
    )
    renamed = (await rpc_request(api.nats, message))["data"]
    assert (renamed["name"], renamed["settings"]) == (
        "Acme",
        DEFAULTS | {"booking_policy": "off", "owner_messages": "ignore"},
    )
    stored = await api.database.organizations.find_one({"_id": member.organization_id})
    assert stored
    assert stored["name"] == "Acme"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": None}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"settings": None}, "settings"),
        ({"slug": "x"}, "slug"),
        ({"name": "Other", "settings": {"booking_policy": "keywords"}}, "settings.booking_keywords"),
    ],
)
async def test_a_wrong_name_is_refused_and_nothing_changes(member: Member, body: Any, field: str) -> None:
    before = (await member.get("/api/organization"))["data"]
    answer = await member.http.patch("/api/organization", json=body)
    assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (422, [field])
    assert (await member.get("/api/organization"))["data"] == before
    answer = await member.http.patch("/api/organization", json={})
    assert (answer.status_code, answer.json()["data"]) == (200, before)


async def test_concurrent_changes_are_both_stored(member: Member) -> None:
    answers = await asyncio.gather(
        change(member, owner_messages="ignore"), change(member, booking_policy="every_message")
    )
    assert [status for status, _ in answers] == [200, 200]
    assert await settings_of(member) == DEFAULTS | {"owner_messages": "ignore", "booking_policy": "every_message"}


async def test_only_managers_change_settings_and_the_audit_log_names_them(api: Api, member: Member) -> None:
    async with api.member("agent", member.organization_id) as agent:
        assert (await change(agent, booking_policy="off"))[0] == 403
        assert (await settings_of(agent))["booking_policy"] == "one_open"
    async with api.member("admin", member.organization_id) as admin:
        assert (await change(admin, booking_policy="off"))[0] == 200
    [entry] = (await member.get("/api/audit", action="change_organization"))["data"]
    assert entry["actor"] == admin.user_id


@asynccontextmanager
async def settings_events(api: Api, member: Member) -> AsyncIterator[list[SettingsChanged]]:
    """Those of the member's organization."""
    events: list[SettingsChanged] = []

    async def receive(message: Msg) -> None:
        events.append(SettingsChanged.model_validate_json(message.data))

    subscription = await api.nats.subscribe(SettingsChanged.subject_filter(member.organization_id), cb=receive)
    for _ in range(2):  # the first flush may overtake the subscription
        await api.nats.flush()
    yield events
    await subscription.unsubscribe()


async def test_routers_are_told_about_changed_settings_and_not_about_a_name(api: Api, member: Member) -> None:
    async with settings_events(api, member) as events:
        await member.http.patch("/api/organization", json={"name": "New"})
        assert (await change(member, booking_policy="keywords"))[0] == 422
        assert (await change(member, booking_policy="off"))[0] == 200
        await until(lambda: bool(events))
    assert [event.instance_id for event in events] == [NO_INSTANCE]
