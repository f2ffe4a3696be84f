"""Which messages open a booking, by what the organization chose."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.rules.booking_policy import BookingAction, attach_if_open, booking_action, one_at_a_time
from shared.contracts.opening_hours import OpeningHours
from shared.contracts.records import BookingPolicy, OrganizationSettings

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
WEEK = {"mon": [["09:00", "17:00"]]}
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


def settings(policy: str, **fields: Any) -> OrganizationSettings:
    return OrganizationSettings.model_validate({"booking_policy": policy, **fields})


BERLIN = settings("opening_hours", opening_hours={"time_zone": "Europe/Berlin", "weekly": WEEK})
KEYWORDS = settings("keywords", booking_keywords=["Término", "book now"])
ALL = [settings("off"), settings("one_open"), settings("every_message"), KEYWORDS, BERLIN]


def test_without_settings_a_message_opens_a_booking_when_none_is_open() -> None:
    assert booking_action(OrganizationSettings(), "hello", NOW, is_open=False) is BookingAction.OPEN
    assert booking_action(OrganizationSettings(), "hello", NOW, is_open=True) is BookingAction.ATTACH


@given(chosen=st.sampled_from(ALL), text=st.none() | st.text(), at=MOMENTS)
def test_while_a_booking_is_open_only_every_message_opens_another(
    chosen: OrganizationSettings, text: str | None, at: datetime
) -> None:
    expected = BookingAction.ATTACH if one_at_a_time(chosen) else BookingAction.OPEN_PARALLEL
    assert booking_action(chosen, text, at, is_open=True) is expected


@given(text=st.none() | st.text(), at=MOMENTS)
def test_off_opens_nothing_and_every_message_opens_always(text: str | None, at: datetime) -> None:
    assert booking_action(settings("off"), text, at, is_open=False) is BookingAction.NONE
    assert booking_action(settings("every_message"), text, at, is_open=False) is BookingAction.OPEN_PARALLEL


@pytest.mark.parametrize("text", ["termino", "Um TÉRMINO, por favor!", "please book NOW.", "book, now"])
def test_a_keyword_opens_one_whatever_its_case_and_accents(text: str) -> None:
    assert booking_action(KEYWORDS, text, NOW, is_open=False) is BookingAction.OPEN


@pytest.mark.parametrize("text", ["", None, "terminos", "determino", "book it now", "now book", "hello"])
def test_other_words_and_parts_of_words_open_none(text: str | None) -> None:
    assert booking_action(KEYWORDS, text, NOW, is_open=False) is BookingAction.NONE


@given(word=st.text("abcdefghijklmnopqrstuvwxyzäöüéèçñß", min_size=1, max_size=20), before=st.text(), after=st.text())
def test_a_keyword_is_found_between_any_other_words(word: str, before: str, after: str) -> None:
    chosen = settings("keywords", booking_keywords=[word])
    assert booking_action(chosen, f"{before} . {word.upper()} . {after}", NOW, is_open=False) is BookingAction.OPEN


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-01-05T07:59:59Z", BookingAction.NONE),
        ("2026-01-05T08:00:00Z", BookingAction.OPEN),
        ("2026-01-05T15:59:59Z", BookingAction.OPEN),
        ("2026-01-05T16:00:00Z", BookingAction.NONE),
        ("2026-07-06T07:00:00Z", BookingAction.OPEN),  # summer time: the clocks of Berlin are two hours ahead
        ("2026-07-06T15:00:00Z", BookingAction.NONE),
        ("2026-01-06T12:00:00Z", BookingAction.NONE),
    ],
)
def test_opening_hours_are_on_the_clocks_of_the_zone(at: str, expected: BookingAction) -> None:
    assert booking_action(BERLIN, "hello", datetime.fromisoformat(at), is_open=False) is expected


def test_the_hour_that_comes_twice_is_open_twice_and_the_hour_that_is_left_out_never() -> None:
    hours = OpeningHours.model_validate({"time_zone": "Europe/Berlin", "weekly": {"sun": [["02:00", "03:00"]]}})
    autumn, spring = datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 3, 29, tzinfo=UTC)
    minutes = [timedelta(minutes=minute) for minute in range(4 * 60)]
    assert sum(hours.includes(autumn + minute) for minute in minutes) == 120
    assert sum(hours.includes(spring + minute) for minute in minutes) == 0


@given(moment=MOMENTS, zone=st.sampled_from(["Asia/Kathmandu", "America/St_Johns", "Pacific/Apia", "UTC"]))
def test_who_is_open_day_and_night_is_open_at_every_moment(moment: datetime, zone: str) -> None:
    weekly = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    assert OpeningHours.model_validate({"time_zone": zone, "weekly": weekly}).includes(moment)


def test_what_never_opens_one_belongs_to_the_open_one() -> None:
    assert (attach_if_open(is_open=True), attach_if_open(is_open=False)) == (BookingAction.ATTACH, BookingAction.NONE)


def test_only_every_message_allows_several() -> None:
    several = [chosen.booking_policy for chosen in ALL if not one_at_a_time(chosen)]
    assert several == [BookingPolicy.EVERY_MESSAGE]
