"""What search needs is stored with each message, booking and contact, and follows every change of them."""

import asyncio
import random
from typing import Any

import pytest

from services.router.rules.contact_identity import ContactObservation
from services.router.store import migrate_in_background, open_store
from services.router.store.contact_documents import SEARCH_FIELDS, make_contacts_searchable
from services.router.store.migrations import searchable_texts
from services.router.store.migrations.searchable_texts import make_texts_searchable
from services.router.store.search_vocabulary import SearchVocabulary
from shared.contracts.commands import CreateBooking
from shared.contracts.events import ContactCreated
from shared.contracts.ids import new_id
from shared.contracts.records import Party
from shared.platform.mongo import Document, open_mongo
from shared.platform.settings import Settings
from shared.text.search_terms import contact_fields, message_terms, parts_of, terms_of
from tests.integration.router.conftest import ANNA, LID, ORG, PHONE, START, Router, received
from tests.integration.router.test_contact_split import split
from tests.integration.router.test_message_revisions import edit, placeholder, revoke
from tests.integration.router.test_recycled_numbers import CARLOS, DORA, MOVED


async def all_is_searchable(router: Router) -> None:
    """Each document has what follows from its other fields, and each word of a text is in the vocabulary."""
    terms = set[str]()
    for message in await router.rows("messages"):
        assert message["search_terms"] == message_terms(message["text"], is_revoked=bool(message["revoked_at"]))
        terms.update(message["search_terms"])
    for booking in await router.rows("bookings"):
        assert booking["search_terms"] == terms_of(booking["text"])
        terms.update(booking["search_terms"])
    for contact in await router.rows("contacts"):
        expected = contact_fields(contact["name"], contact["phone_number"], contact["lid"], contact["aliases"])
        assert {name: contact[name] for name in SEARCH_FIELDS} == expected
        assert all(name not in merge["was"] for merge in contact["merges"] for name in SEARCH_FIELDS)
    known = {word["_id"]: word["parts"] for word in await router.rows("search_terms", organization_id=ORG)}
    assert {f"{ORG}:{term}": parts_of(term) for term in terms}.items() <= known.items()


async def test_a_message_a_booking_and_a_contact_are_stored_with_their_words(router: Router) -> None:
    await router.handle(received("A1", text="Olá, São Paulo 明天", push_name="Ana Müller"))
    assert (await router.only("messages"))["search_terms"] == ["ola", "sao", "paulo", "明天"]
    assert (await router.only("bookings"))["search_terms"] == ["ola", "sao", "paulo", "明天"]
    contact = await router.only("contacts")
    assert contact["sort_name"] == "ana muller"
    assert {"uller", "ana", str(ANNA.phone)} <= set(contact["search_parts"])
    await all_is_searchable(router)


async def test_so_are_messages_that_are_handled_together(router: Router) -> None:
    await router.handle(received("A1", text="first"))
    await router.deliver_together(*(received(f"A{n}", text=f"many words {n}", minute=n) for n in range(2, 40)))
    assert len(await router.rows("messages")) == 39
    await all_is_searchable(router)


async def test_an_edit_changes_the_words_and_a_deletion_takes_them_away(router: Router) -> None:
    await router.handle(received("A1", text="first words"), received("A2", text="others", minute=1))
    await router.handle(edit("A3", "A1", "corrected text", minute=2))
    assert (await router.only("messages", wa_id="A1"))["search_terms"] == ["corrected", "text"]
    await all_is_searchable(router)
    await router.handle(revoke("A4", "A2", minute=3), edit("A5", "A2", "too late", minute=4))
    assert (await router.only("messages", wa_id="A2"))["search_terms"] == []
    await router.handle(revoke("A6", "A1", minute=5))
    assert (await router.only("messages", wa_id="A1"))["search_terms"] == []
    await all_is_searchable(router)


async def test_a_readable_copy_brings_the_words(router: Router) -> None:
    await router.handle(placeholder("A1"), received("A1", text="now readable", minute=1))
    assert (await router.only("messages"))["search_terms"] == ["now", "readable"]
    await all_is_searchable(router)


async def test_a_booking_that_a_person_makes_has_its_words(router: Router) -> None:
    await router.context.store.contacts.resolve(_seen("a"))
    (contact,) = await router.rows("contacts")
    command = CreateBooking(organization_id=ORG, contact_id=contact["_id"], text="Corte às 9h", instance_id="one")
    await router.handle(command)
    await all_is_searchable(router)


def _seen(cause: str, party: Party = ANNA, name: str | None = None) -> ContactObservation:
    return ContactObservation(ORG, party, name, cause, START)


async def test_a_name_that_changes_and_people_who_are_merged_and_split_are_found_as_they_are(router: Router) -> None:
    await router.handle(received("A1", PHONE, push_name="Anna"), received("A2", PHONE, push_name="Änne", minute=1))
    assert (await router.only("contacts"))["sort_name"] == "anne"
    await all_is_searchable(router)
    await router.handle(received("B1", LID, push_name="Zoe", minute=2))
    older, younger = (item.contact.id for item in router.of(ContactCreated))
    await router.handle(received("AB", push_name="Zoe", minute=3))
    merged = await router.only("contacts")
    assert (merged["_id"], merged["sort_name"]) == (older, "zoe")
    assert PHONE.phone in merged["search_parts"]
    await all_is_searchable(router)
    await router.deliver(split(older, younger))
    contacts = {contact["_id"]: contact for contact in await router.rows("contacts")}
    assert PHONE.phone in contacts[older]["search_parts"]
    assert PHONE.phone not in contacts[younger]["search_parts"]
    await all_is_searchable(router)


async def test_a_number_is_found_with_who_has_it_now(router: Router) -> None:
    for wa_id, party, minute in (("C1", CARLOS, 0), ("C2", MOVED, 1), ("D1", DORA, 2)):
        await router.deliver(received(wa_id, party, minute=minute, push_name=f"of {wa_id}"))
    await all_is_searchable(router)
    holders = {contact["lid"]: contact["search_parts"] for contact in await router.rows("contacts")}
    assert [DORA.phone in holders[str(party.lid)] for party in (CARLOS, DORA)] == [False, True]


async def test_what_is_learnt_of_one_contact_at_the_same_moment_is_found_as_it_is_then(
    router: Router, seed: int
) -> None:
    """Names and numbers, each by another event, on two replicas."""
    dice = random.Random(seed)
    other = await open_store(router.database)
    for turn in range(8):
        numbers = [f"49151{turn}{number:06}" for number in range(3)]
        events = [
            _seen(f"{turn}-{place}", Party(phone=dice.choice(numbers), lid=f"9{turn}"), f"name {dice.randrange(9)}")
            for place in range(8)
        ]
        stores = [router.context.store, other]
        await asyncio.gather(*(dice.choice(stores).contacts.resolve(event) for event in events), return_exceptions=True)
        await all_is_searchable(router)


async def earlier_version(router: Router) -> list[Document]:
    """A few records without the fields; the messages as they were."""
    await router.handle(received("A1", text="Größe", push_name="Ana"), received("A2", text="gone", minute=1))
    await router.handle(revoke("A3", "A2", minute=2), received("A4", text=None, minute=3))
    before = await router.rows("messages")
    for table in ("messages", "bookings", "contacts"):
        unset = {"$unset": dict.fromkeys(("search_terms", *SEARCH_FIELDS), True)}
        await router.database[table].update_many({}, unset)
    await router.database["search_terms"].delete_many({})
    return before


async def test_records_of_earlier_versions_get_the_fields(router: Router) -> None:
    before = await earlier_version(router)
    await make_contacts_searchable(router.database)
    await make_texts_searchable(router.database)
    assert await router.rows("messages") == before
    await all_is_searchable(router)


async def test_the_migration_may_end_in_the_middle_and_overwrites_no_edit(
    router: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    await earlier_version(router)
    monkeypatch.setattr(searchable_texts, "MIGRATION_BATCH_SIZE", 1)
    store, calls = searchable_texts._store, 0

    async def store_once(*args: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            await router.handle(edit("A9", "A1", "newer words", minute=9))
        if calls == 3:
            raise ConnectionError("killed")
        await store(*args)

    monkeypatch.setattr(searchable_texts, "_store", store_once)
    with pytest.raises(ConnectionError):
        await make_texts_searchable(router.database)
    await make_texts_searchable(router.database)
    await make_contacts_searchable(router.database)
    assert (await router.only("messages", wa_id="A1"))["search_terms"] == ["newer", "words"]
    await all_is_searchable(router)


async def test_a_word_that_two_replicas_store_is_stored_once_and_all_of_it(router: Router) -> None:
    words = [SearchVocabulary(router.database) for _ in range(4)]
    organization = new_id()
    terms = [(organization, f"w{n}") for place in range(50) for n in (place, place + 1)]
    await asyncio.gather(*(each.add(terms) for each in words))
    found = await router.rows("search_terms", organization_id=organization)
    assert [word["parts"] for word in found] == [parts_of(word["_id"].split(":")[1]) for word in found]
    assert len(found) == 51


async def test_the_texts_are_migrated_in_the_background_and_the_old_index_goes(mongo_url: str) -> None:
    settings = Settings(mongo_url=mongo_url, mongo_database=f"router_{new_id()[:8]}")
    async with open_mongo(settings) as database:
        messages = database["messages"]
        stored = {"_id": "m", "organization_id": ORG, "text": "hello", "other_party": [], "order_key": 1}
        await messages.insert_one(stored)
        await messages.create_index([("organization_id", 1), ("text", "text")], name="words")
        await open_store(database)
        indexes = await messages.index_information()
        assert "words" not in indexes
        assert "by_term_and_order" in indexes
        assert "search_terms" not in (await messages.find_one({}) or {})
        await asyncio.gather(migrate_in_background(database), migrate_in_background(database))
        assert (await messages.find_one({}) or {})["search_terms"] == ["hello"]
        await database.client.drop_database(database.name)
