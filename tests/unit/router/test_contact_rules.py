"""The router's rules, without a server: which account sends, to whom, and who is who."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from services.router.rules.contact_identity import ContactObservation, contact_changes, merge_target, new_contact
from services.router.rules.send_checks import SenderInstance, choose_instance, parse_recipient, send_fingerprint
from services.router.rules.stored_contact import StoredContact
from shared.contracts.commands import SendMessage
from shared.contracts.errors import Problem
from shared.contracts.records import Party

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ANNA = Party(phone="4915112345678", lid="111")


def code_of(act: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(Problem) as caught:
        act()
    return caught.value.status, caught.value.code


def instance(instance_id: str, status: str = "connected") -> SenderInstance:
    return SenderInstance(instance_id, status)


def test_the_sender_is_the_requested_instance_else_the_only_connected_one() -> None:
    one, two, off = instance("one"), instance("two"), instance("off", "logged_out")
    assert choose_instance([one, two], "two") is two
    assert choose_instance([one], None) is one
    assert choose_instance([off, one], None) is one


def test_without_a_connected_instance_the_problem_says_what_is_wrong() -> None:
    one, off = instance("one"), instance("off", "logged_out")
    assert code_of(lambda: choose_instance([], None)) == (404, "instance_not_found")
    assert code_of(lambda: choose_instance([one], "other")) == (404, "instance_not_found")
    assert code_of(lambda: choose_instance([off], None)) == (409, "instance_not_connected")
    assert code_of(lambda: choose_instance([one, off], "off")) == (409, "instance_not_connected")
    assert code_of(lambda: choose_instance([off, instance("b", "failed")], None)) == (409, "instance_not_connected")
    assert code_of(lambda: choose_instance([one, instance("two")], None)) == (409, "instance_ambiguous")


def test_a_recipient_is_a_phone_in_any_spelling_or_a_lid() -> None:
    assert parse_recipient("+49 151 12345678") == parse_recipient("4915112345678@s.whatsapp.net")
    assert parse_recipient(" 111@lid ") == Party(lid="111")
    for wrong in ("nobody", "111", "x@lid", "@lid", ""):
        assert code_of(partial(parse_recipient, wrong)) == (422, "invalid_phone")


def test_a_command_is_told_from_another_by_instance_recipient_and_text() -> None:
    def asked(**fields: Any) -> str:
        given: dict[str, Any] = {
            "organization_id": "acme",
            "message_id": "m",
            "to": "+49 151 12345678",
            "text": "hello",
        }
        return send_fingerprint(SendMessage(**{**given, **fields}))

    assert asked() == asked(to="4915112345678@s.whatsapp.net", message_id="n", client_id="c")
    conversation = asked(to=None, conversation_id="4915112345678")
    others = [asked(to="+49 151 12345679"), asked(to="77@lid"), asked(text="hello "), asked(instance_id="one")]
    others += [conversation, asked(to=None, conversation_id="c")]
    assert len({asked(), *others}) == len(others) + 1
    assert code_of(partial(asked, to=None)) == (422, "missing_recipient")
    assert code_of(partial(asked, to="nobody")) == (422, "invalid_phone")


def sighting(party: Party, name: str | None = None) -> ContactObservation:
    return ContactObservation("acme", party, name, "event", NOW)


def stored(party: Party, name: str | None = None, *, age: int = 0, key: str = "c") -> StoredContact:
    contact = new_contact(sighting(party, name))
    return {
        "_id": key,
        "organization_id": contact.organization_id,
        "phone_number": contact.phone_number,
        "lid": contact.lid,
        "name": contact.name,
        "aliases": party.aliases,
        "created_at": NOW - timedelta(days=age),
        "updated_at": contact.updated_at,
    }


def test_a_sighting_adds_only_what_is_new() -> None:
    assert contact_changes(stored(ANNA, "Anna"), sighting(ANNA)) == {}
    assert contact_changes(stored(ANNA, "Anna"), sighting(ANNA, "Anna")) == {}
    assert contact_changes(stored(ANNA, "Anna"), sighting(ANNA, "Ann")) == {"name": "Ann", "named_at": NOW}
    assert contact_changes(stored(Party(lid="111")), sighting(ANNA)) == {"phone_number": ANNA.phone, "number_at": NOW}


def test_a_name_seen_earlier_does_not_replace_a_later_one() -> None:
    contact: StoredContact = {**stored(ANNA, "Anna"), "named_at": NOW + timedelta(seconds=1)}
    assert contact_changes(contact, sighting(ANNA, "Ann")) == {}


def test_an_older_number_seen_again_does_not_replace_the_newer_one() -> None:
    contact: StoredContact = {**stored(ANNA), "phone_number": "15550001"}
    contact["aliases"] = [*ANNA.aliases, "phone:15550001"]
    assert contact_changes(contact, sighting(ANNA)) == {}


def test_the_oldest_contact_survives_and_then_the_smallest_id() -> None:
    old, young, twin = stored(ANNA, age=2, key="z"), stored(ANNA, age=1, key="b"), stored(ANNA, age=1, key="a")
    assert merge_target([young, old]) is old
    assert merge_target([young, twin]) is twin
