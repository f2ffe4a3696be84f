"""The router's rules, without a server: which account sends, to whom, and who is who."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from services.router.rules.contacts import Sighting, changes, new_contact, survivor
from services.router.rules.sending import choose_account, parse_recipient, require_same
from shared.errors import Problem
from shared.records import MessageRecord, MessageStatus, Party

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ANNA = Party(phone="4915112345678", lid="111")


def record(**fields: Any) -> MessageRecord:
    given: dict[str, Any] = {
        "id": "m", "organization_id": "acme", "instance_id": "one", "direction": "outbound", "origin": "api",
        "from_address": "", "to_address": "1", "text": "hello", "conversation_id": "c", "timestamp": NOW,
        "status": MessageStatus.QUEUED,
    }  # fmt: skip
    return MessageRecord(**{**given, **fields})


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


def test_a_repeated_id_has_to_mean_the_same_message() -> None:
    require_same(record(), "acme", "hello")
    for organization, text, elsewhere in (("other", "hello", False), ("acme", "bye", False), ("acme", "hello", True)):
        conflict = code_of(partial(require_same, record(), organization, text, elsewhere=elsewhere))
        assert conflict == (422, "idempotency_conflict")


def sighting(party: Party, name: str | None = None) -> Sighting:
    return Sighting("acme", party, name, "event", NOW)


def stored(party: Party, name: str | None = None, *, age: int = 0, key: str = "c") -> dict[str, Any]:
    contact = new_contact(sighting(party, name)).model_dump()
    return {**contact, "_id": key, "aliases": party.aliases, "created_at": NOW - timedelta(days=age)}


def test_a_sighting_adds_only_what_is_new() -> None:
    assert changes(stored(ANNA, "Anna"), sighting(ANNA)) == {}
    assert changes(stored(ANNA, "Anna"), sighting(ANNA, "Anna")) == {}
    assert changes(stored(ANNA, "Anna"), sighting(ANNA, "Ann")) == {"name": "Ann", "named_at": NOW}
    assert changes(stored(Party(lid="111")), sighting(ANNA)) == {"phone_number": ANNA.phone}


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
