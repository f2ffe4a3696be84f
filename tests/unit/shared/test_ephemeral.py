"""What is only live: outside the streams, worthless after seconds, heard only by whom it concerns."""

from datetime import timedelta

import pytest

from shared.contracts.ephemeral import FRESH, ShowTyping, TypingSeen, is_stale
from shared.contracts.message import Live, utc_now
from shared.contracts.records import Party
from shared.contracts.registry import EVENTS_STREAM, LIVE, live_of, parse_event, parse_live
from shared.messaging.permissions import INTEGRATION, rights

TO = Party(phone="4915112345678")


@pytest.mark.parametrize("cls", list(LIVE.values()), ids=lambda cls: cls.__name__)
def test_it_has_a_subject_of_its_own_kind_and_somebody_who_says_and_hears_it(cls: type[Live]) -> None:
    assert cls.subject.startswith("wa.live.")
    assert cls.__doc__
    assert cls.publishers
    assert cls.hearers


def test_it_is_worth_nothing_after_ten_seconds() -> None:
    now = utc_now()
    shown = ShowTyping(organization_id="acme", instance_id="one", to=TO, at=now - FRESH)
    assert not is_stale(shown, now)
    assert is_stale(shown, now + timedelta(milliseconds=1))


def test_it_survives_the_wire_and_is_no_event() -> None:
    seen = TypingSeen(organization_id="acme", instance_id="one", sender=TO, state="recording")
    body = seen.model_dump_json().encode()
    assert parse_live(seen.address, body) == seen
    assert parse_event(seen.address, body) is None
    assert parse_live("wa.live.future.invented.acme.one", b"{}") is None


def test_who_may_hear_and_say_it() -> None:
    granted = rights()
    for cls in LIVE.values():
        for user, right in granted.items():
            assert (cls.pattern() in right.publish) is (user in cls.publishers)
            assert (cls.pattern() in right.subscribe) is (user in cls.hearers)
    assert not any("live" in subject for subject in granted["api"].subscribe)
    assert f"$JS.API.STREAM.INFO.{EVENTS_STREAM}" in granted[INTEGRATION].publish


def test_what_a_service_hears_of_one_organization_is_within_its_rights() -> None:
    assert live_of("realtime", "acme") == ["wa.live.contact.typing.acme.*", "wa.live.contact.presence.acme.*"]
    assert live_of("api", "acme") == []
