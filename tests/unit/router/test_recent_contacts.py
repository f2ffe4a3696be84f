"""A contact that was just read is remembered for a short time, and not after it was changed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from services.router.rules.contact_identity import ContactObservation
from services.router.rules.stored_contact import StoredContact
from services.router.store import recent_contacts
from services.router.store.recent_contacts import RECENT_CONTACT_S, RecentContacts
from shared.contracts.records import Party

AT = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def contact(contact_id: str = "c", *aliases: str, organization_id: str = "acme") -> StoredContact:
    return {
        "_id": contact_id,
        "organization_id": organization_id,
        "aliases": list(aliases or ("phone:49151", "lid:1")),
        "created_at": AT,
        "updated_at": AT,
    }


def observation(organization_id: str = "acme", **party: Any) -> ContactObservation:
    return ContactObservation(organization_id, Party(**(party or {"phone": "49151"})), None, "event", AT)


def remember(contacts: RecentContacts, *found: StoredContact) -> None:
    with contacts.reading() as read:
        read(found)


def test_a_contact_is_found_by_any_and_by_all_of_its_addresses() -> None:
    contacts = RecentContacts(Clock())
    remember(contacts, contact())
    for party in ({"phone": "49151"}, {"lid": "1"}, {"phone": "49151", "lid": "1"}):
        assert contacts.find(observation(**party)) == contact()


def test_a_contact_with_an_unknown_address_is_not_found() -> None:
    contacts = RecentContacts(Clock())
    remember(contacts, contact())
    assert contacts.find(observation(phone="49151", lid="2")) is None
    assert contacts.find(observation(phone="49152")) is None


def test_addresses_of_two_contacts_find_none() -> None:
    contacts = RecentContacts(Clock())
    remember(contacts, contact("a", "phone:49151"), contact("b", "lid:1"))
    assert contacts.find(observation(phone="49151", lid="1")) is None


def test_another_organization_does_not_find_it() -> None:
    contacts = RecentContacts(Clock())
    remember(contacts, contact())
    assert contacts.find(observation("other", phone="49151")) is None


def test_a_contact_is_forgotten_after_some_seconds() -> None:
    clock = Clock()
    contacts = RecentContacts(clock)
    remember(contacts, contact())
    clock.now += RECENT_CONTACT_S
    assert contacts.find(observation()) is None


def test_the_time_counts_from_the_beginning_of_the_read() -> None:
    clock = Clock()
    contacts = RecentContacts(clock)
    with contacts.reading() as read:
        clock.now += RECENT_CONTACT_S
        read([contact()])
    assert contacts.find(observation()) is None


def test_a_changed_contact_is_forgotten() -> None:
    contacts = RecentContacts(Clock())
    remember(contacts, contact())
    contacts.forget(["c", "unknown"])
    assert contacts.find(observation()) is None


def test_a_contact_that_changed_while_it_was_read_is_not_remembered() -> None:
    contacts = RecentContacts(Clock())
    with contacts.reading() as read, contacts.reading() as other_read:
        contacts.forget(["c"])
        read([contact(), contact("d", "lid:4")])
        other_read([contact("e", "lid:5")])
    assert contacts.find(observation()) is None
    assert contacts.find(observation(lid="4"))
    assert contacts.find(observation(lid="5"))


def test_a_contact_that_took_the_address_of_another_replaces_it() -> None:
    contacts = RecentContacts(Clock())
    remember(contacts, contact("a", "phone:49151", "lid:1"))
    remember(contacts, contact("b", "phone:49151", "lid:2"))
    assert contacts.find(observation(phone="49151")) == contact("b", "phone:49151", "lid:2")
    assert contacts.find(observation(lid="1")) is None


def test_the_number_of_contacts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent_contacts, "MAX_RECENT_CONTACTS", 2)
    contacts = RecentContacts(Clock())
    remember(contacts, *(contact(str(number), f"lid:{number}") for number in range(3)))
    assert [bool(contacts.find(observation(lid=str(number)))) for number in range(3)] == [False, True, True]
