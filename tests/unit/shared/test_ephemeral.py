"""What is only live: outside the streams, worthless after seconds, heard only by whom it concerns."""

from datetime import timedelta

import pytest

from docs.generate.nats_users import shipped_permissions
from shared.contracts.ephemeral import MAX_EPHEMERAL_AGE, SendTyping, TypingObserved, is_stale
from shared.contracts.message import EphemeralEvent, utc_now
from shared.contracts.records import Party
from shared.contracts.registry import EPHEMERAL_EVENTS, EVENTS_STREAM, ephemeral_filters, parse_ephemeral, parse_event
from shared.messaging.permissions import INTEGRATION

TO = Party(phone="4915112345678")


@pytest.mark.parametrize("cls", list(EPHEMERAL_EVENTS.values()), ids=lambda cls: cls.__name__)
def test_it_has_a_subject_of_its_own_kind_and_somebody_who_says_and_hears_it(cls: type[EphemeralEvent]) -> None:
    assert cls.subject.startswith("wa.live.")
    assert cls.__doc__
    assert cls.publishers
    assert cls.subscribers


def test_it_is_worth_nothing_after_ten_seconds() -> None:
    now = utc_now()
    shown = SendTyping(organization_id="acme", instance_id="one", to=TO, at=now - MAX_EPHEMERAL_AGE)
    assert not is_stale(shown, now)
    assert is_stale(shown, now + timedelta(milliseconds=1))


def test_it_survives_the_wire_and_is_no_event() -> None:
    seen = TypingObserved(organization_id="acme", instance_id="one", sender=TO, state="recording")
    body = seen.model_dump_json().encode()
    assert parse_ephemeral(seen.full_subject, body) == seen
    assert parse_event(seen.full_subject, body) is None
    assert parse_ephemeral("wa.live.future.invented.acme.one", b"{}") is None


def test_who_may_hear_and_say_it() -> None:
    granted = shipped_permissions()
    for cls in EPHEMERAL_EVENTS.values():
        for user, right in granted.items():
            assert (cls.subject_filter() in right.publish) is (user in cls.publishers)
            assert (cls.subject_filter() in right.subscribe) is (user in cls.subscribers)
    assert not any("live" in subject for subject in granted["api"].subscribe)
    assert f"$JS.API.STREAM.INFO.{EVENTS_STREAM}" in granted[INTEGRATION].publish


def test_what_a_service_hears_of_one_organization_is_within_its_rights() -> None:
    assert ephemeral_filters("realtime", "acme") == [
        "wa.live.contact.typing.acme.*",
        "wa.live.contact.presence.acme.*",
        "wa.live.colleague.typing.acme.*",
        "wa.live.colleague.viewing.acme.*",
    ]
    assert ephemeral_filters("api", "acme") == []
