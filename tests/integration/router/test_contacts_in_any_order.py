"""Whoever writes under whatever address in whatever order: a person is one contact with at most one open booking."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.router.rules.contact_identity import conversation_id
from shared.contracts.events import BookingCreated, ContactCreated, ContactUpdated, MessageReceived, MessageRecorded
from shared.contracts.records import Party
from shared.platform.mongo import Database
from tests.integration.router.conftest import ME, ONE, Router, open_router, received

PEOPLE = [Party(phone="4915112345678", lid="111"), Party(phone="4915112345679", lid="222")]


def addresses(person: Party) -> st.SearchStrategy[Party]:
    return st.sampled_from([person, Party(phone=person.phone), Party(lid=person.lid)])


@st.composite
def histories(draw: st.DrawFn) -> list[MessageReceived]:
    """Messages of two people in any order, some repeated. Of each: one under the number, one under the LID, one that
    names both, and a few more."""
    events: list[MessageReceived] = []
    for number, person in enumerate(PEOPLE):
        for name, address in (("number", Party(phone=person.phone)), ("lid", Party(lid=person.lid)), ("both", person)):
            events.append(received(f"{number}-{name}", address, minute=draw(st.integers(0, 30))))
        for index in range(draw(st.integers(0, 3))):
            address, minute = draw(addresses(person)), draw(st.integers(0, 30))
            typed: dict[str, Any] = {"from_me": True, "chat": address} if draw(st.booleans()) else {}
            events.append(received(f"{number}-{index}", ME if typed else address, minute=minute, **typed))
    repeated = draw(st.lists(st.sampled_from(events), max_size=4))
    return list(draw(st.permutations([*events, *repeated])))


async def check(router: Router, history: list[MessageReceived]) -> None:
    contacts = {contact["lid"]: contact for contact in await router.rows("contacts")}
    assert {booking["contact_id"] for booking in await router.rows("bookings")} <= {c["_id"] for c in contacts.values()}
    messages = {message["wa_id"]: message for message in await router.rows("messages")}
    assert set(messages) == {event.wa_id for event in history}
    for number, person in enumerate(PEOPLE):
        contact = contacts.pop(person.lid)
        assert sorted(contact["aliases"]) == sorted(person.aliases)
        own = [message for wa_id, message in messages.items() if wa_id.startswith(f"{number}-")]
        place = (contact["_id"], conversation_id(ONE, contact["_id"]))
        assert {(message["contact_id"], message["conversation_id"]) for message in own} == {place}
        conversation = await router.only("conversations", contact_id=contact["_id"])
        assert conversation["updated_at"] == max(message["timestamp"] for message in own)
        await router.only("bookings", contact_id=contact["_id"], open=True)
    assert contacts == {}
    assert len(await router.rows("conversations")) == len(PEOPLE)


def check_announced(router: Router, history: list[MessageReceived]) -> None:
    """Everything that was stored was published; what was delivered twice was published with the same ids."""
    created, gone = {item.contact.id for item in router.of(ContactCreated)}, set[str]()
    for item in router.of(ContactUpdated):
        gone |= set(item.merged_ids)
    assert len(created - gone) == len(PEOPLE)
    assert len({item.id for item in router.of(MessageRecorded)}) == len({event.id for event in history})
    assert {item.message.booking_id for item in router.of(MessageRecorded) if item.message.direction == "inbound"} <= {
        item.booking.id for item in router.of(BookingCreated)
    }


@settings(max_examples=25, deadline=None)
@given(history=histories())
async def test_a_person_stays_one_contact(router_database: Database, history: list[MessageReceived]) -> None:
    async with open_router(router_database) as router:
        for event in history:
            await router.deliver(event)
        await check(router, history)
        check_announced(router, history)
