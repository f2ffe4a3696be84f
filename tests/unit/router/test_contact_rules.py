"""The router's rules, without a server: which account sends, to whom, and who is who."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from services.router.rules.contact_identity import Sighting, changes, new_contact, survivor
from services.router.rules.send_checks import choose_account, fingerprint_of, parse_recipient
from shared.contracts.commands import SendMessage
from shared.contracts.errors import Problem
from shared.contracts.records import Party

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ANNA = Party(phone="4915112345678", lid="111")


def code_of(act: Callable[[], object]) -> tuple[int, str]:
    with pytest.raises(Problem) as caught:
        act()
    return caught.value.status, caught.value.code


@dataclass(frozen=True)
class Account:
    instance_id: str
    status: str = "connected"

    @property
    def connected(self) -> bool:
        return self.status == "connected"


def test_the_sending_account_is_the_named_one_else_the_only_connected_one() -> None:
    one, two, off = Account("one"), Account("two"), Account("off", "logged_out")
    assert choose_account([one, two], "two") is two
    assert choose_account([one], None) is one
    assert choose_account([off, one], None) is one


def test_without_a_fit_account_the_refusal_says_what_is_wrong() -> None:
    one, off = Account("one"), Account("off", "logged_out")
    assert code_of(lambda: choose_account([], None)) == (404, "instance_not_found")
    assert code_of(lambda: choose_account([one], "other")) == (404, "instance_not_found")
    assert code_of(lambda: choose_account([off], None)) == (409, "instance_not_connected")
    assert code_of(lambda: choose_account([one, off], "off")) == (409, "instance_not_connected")
    assert code_of(lambda: choose_account([off, Account("b", "failed")], None)) == (409, "instance_not_connected")
    assert code_of(lambda: choose_account([one, Account("two")], None)) == (409, "instance_ambiguous")


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
        return fingerprint_of(SendMessage(**{**given, **fields}))

    assert asked() == asked(to="4915112345678@s.whatsapp.net", message_id="n", client_id="c")
    conversation = asked(to=None, conversation_id="4915112345678")
    others = [asked(to="+49 151 12345679"), asked(to="77@lid"), asked(text="hello "), asked(instance_id="one")]
    others += [conversation, asked(to=None, conversation_id="c")]
    assert len({asked(), *others}) == len(others) + 1
    assert code_of(partial(asked, to=None)) == (422, "missing_recipient")
    assert code_of(partial(asked, to="nobody")) == (422, "invalid_phone")


def sighting(party: Party, name: str | None = None) -> Sighting:
    return Sighting("acme", party, name, "event", NOW)


def stored(party: Party, name: str | None = None, *, age: int = 0, key: str = "c") -> dict[str, Any]:
    contact = new_contact(sighting(party, name)).model_dump()
    return {**contact, "_id": key, "aliases": party.aliases, "created_at": NOW - timedelta(days=age)}


def test_a_sighting_adds_only_what_is_new() -> None:
    assert changes(stored(ANNA, "Anna"), sighting(ANNA)) == {}
    assert changes(stored(ANNA, "Anna"), sighting(ANNA, "Anna")) == {}
    assert changes(stored(ANNA, "Anna"), sighting(ANNA, "Ann")) == {"name": "Ann", "named_at": NOW}
    assert changes(stored(Party(lid="111")), sighting(ANNA)) == {"phone_number": ANNA.phone, "number_at": NOW}


def test_a_name_seen_earlier_does_not_replace_a_later_one() -> None:
    contact = {**stored(ANNA, "Anna"), "named_at": NOW + timedelta(seconds=1)}
    assert changes(contact, sighting(ANNA, "Ann")) == {}


def test_an_older_number_seen_again_does_not_replace_the_newer_one() -> None:
    contact = {**stored(ANNA), "phone_number": "15550001"}
    contact["aliases"] = [*ANNA.aliases, "phone:15550001"]
    assert changes(contact, sighting(ANNA)) == {}


def test_the_oldest_contact_survives_and_then_the_smallest_id() -> None:
    old, young, twin = stored(ANNA, age=2, key="z"), stored(ANNA, age=1, key="b"), stored(ANNA, age=1, key="a")
    assert survivor([young, old]) is old
    assert survivor([young, twin]) is twin
