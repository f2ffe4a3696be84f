"""Every event and command keeps the subject grammar, the naming rules and its meaning over the wire."""

import re

import pytest
from pydantic import ValidationError

from shared.contracts.events import MessageReceived, MessageSent
from shared.contracts.ids import NO_INSTANCE
from shared.contracts.message import Message, utc_now
from shared.contracts.records import Party
from shared.contracts.registry import COMMANDS, EVENTS, class_subject, durable_name, parse_event

ALL = [*EVENTS.values(), *COMMANDS.values()]


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
def test_a_subject_is_four_lower_case_tokens(cls: type[Message]) -> None:
    assert re.fullmatch(r"wa\.(event|command)\.[a-z-]+\.[a-z-]+", cls.subject)
    assert cls.__doc__


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
@pytest.mark.parametrize("service", ["router", "session"])
def test_a_durable_name_is_one_that_nats_recommends(cls: type[Message], service: str) -> None:
    assert re.fullmatch(r"[a-z0-9-]{1,40}", durable_name(service, cls))


def test_subjects_are_unique() -> None:
    assert len({cls.subject for cls in ALL}) == len(ALL) > 0


def test_an_event_survives_the_wire_and_unknown_fields_are_ignored() -> None:
    event = MessageReceived(
        organization_id="acme", instance_id="one", wa_id="3A", sender=Party(phone="4915112345678"), timestamp=utc_now()
    )
    body = event.model_dump_json().replace("{", '{"later":1,', 1).encode()
    assert parse_event(event.full_subject, body) == event
    assert event.full_subject == "wa.event.message.received.acme.one"
    assert class_subject(event.full_subject) == MessageReceived.subject
    assert parse_event("wa.event.future.invented.acme.one", b"{}") is None


@pytest.mark.parametrize("bad", ["acme.other", "*", ">", "", "ACME"])
def test_ids_that_would_reach_into_other_subjects_are_refused(bad: str) -> None:
    with pytest.raises(ValidationError):
        MessageSent(organization_id=bad, message_id="m", wa_id="w", timestamp=utc_now())
    with pytest.raises(ValidationError):
        MessageSent(organization_id="acme", instance_id=bad, message_id="m", wa_id="w", timestamp=utc_now())


def test_a_message_without_an_instance_still_has_six_tokens() -> None:
    event = MessageSent(organization_id="acme", message_id="m", wa_id="w", timestamp=utc_now())
    assert event.instance_id == NO_INSTANCE
    assert event.full_subject.count(".") == 5


def test_a_party_needs_an_address() -> None:
    with pytest.raises(ValidationError, match="phone or a lid"):
        Party()
