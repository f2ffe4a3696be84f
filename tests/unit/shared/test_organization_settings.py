"""The settings of an organization: what is accepted, what is said otherwise."""

from typing import Any

import pytest
from pydantic import ValidationError

from shared.contracts.records import OrganizationSettings


def hours(*spans: list[str], zone: str = "Europe/Berlin", day: str = "mon") -> dict[str, Any]:
    return {"opening_hours": {"time_zone": zone, "weekly": {day: list(spans)}}}


@pytest.mark.parametrize(
    ("given", "place", "said"),
    [
        (hours(zone="Mars/Olympus"), "opening_hours.time_zone", "not a time zone"),
        (hours(zone="../etc/passwd"), "opening_hours.time_zone", "not a time zone"),
        (hours(["09:00", "09:00"]), "opening_hours.weekly.mon.0", "not before"),
        (hours(["22:00", "06:00"]), "opening_hours.weekly.mon.0", "over midnight"),
        (hours(["09:00", "12:00"], ["11:59", "13:00"]), "opening_hours.weekly.mon", "overlaps"),
        (hours(["9:00", "12:00"]), "opening_hours.weekly.mon.0.0", "write 09:00"),
        (hours(["09:00", "24:01"]), "opening_hours.weekly.mon.0.1", "write 09:00"),
        (hours(["09:00", "10:00"], day="monday"), "opening_hours.weekly.monday.[key]", "'mon'"),
        ({"booking_policy": "keywords"}, "booking_keywords", "at least one"),
        ({"booking_policy": "opening_hours"}, "opening_hours", "needs them"),
        ({"booking_keywords": ["ok", " ?! "]}, "booking_keywords.1", "no letter"),
        ({"booking_keywords": ["a"] * 51}, "booking_keywords", "at most 50"),
        ({"owner_numbers": ["11999887766"]}, "owner_numbers.0", "country code"),
        ({"owner_numbers": ["+49 151 12345678"] * 21}, "owner_numbers", "at most 20"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, Any], place: str, said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        OrganizationSettings.model_validate(given)
    errors = {".".join(map(str, error["loc"])): error["msg"] for error in refused.value.errors()}
    assert said in errors[place]


def test_numbers_are_kept_without_spelling_and_device_and_hours_in_order() -> None:
    numbers = ["+49 151 12345678", "4915112345678:12@s.whatsapp.net", "77:3@lid", "77@lid"]
    found = OrganizationSettings.model_validate(
        {"owner_numbers": numbers, **hours(["13:00", "24:00"], ["09:00", "13:00"])}
    )
    assert found.owner_numbers == ("4915112345678", "4915112345678", "77@lid", "77@lid")
    assert found.opening_hours
    assert found.opening_hours.weekly == {"mon": (("09:00", "13:00"), ("13:00", "24:00"))}


def test_what_is_stored_is_read_again_the_same() -> None:
    found = OrganizationSettings.model_validate({"booking_keywords": ["Término"], **hours(["09:00", "24:00"])})
    assert OrganizationSettings.model_validate(found.model_dump(mode="json")) == found
