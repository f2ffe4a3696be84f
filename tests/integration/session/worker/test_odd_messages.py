"""Messages that simple clients never write, through the real library: lists, calls, cut texts, impossible times."""

import json
from typing import Any

import pytest

from shared.contracts.message import utc_now
from simulator.people import content
from simulator.people.broadcast_lists import write_through_list, write_to_list
from simulator.people.calls import SimulatedCall
from simulator.people.contact import SimulatedContact
from simulator.people.phone import SimulatedPhone
from simulator.protocol.protos import Message
from simulator.world import World
from tests.integration.session.worker.driver import WorkerDriver

CUT = "quero 😀".encode()[:-1]


@pytest.fixture
def bob(world: World) -> SimulatedContact:
    return world.add_contact(name="Bob")


def party(contact: SimulatedContact) -> dict[str, str]:
    return {"phone": contact.account.number, "lid": contact.account.lid.user}


async def received_events(worker: WorkerDriver, count: int) -> list[dict[str, Any]]:
    """Wait for `count` events; none of them has an error."""
    entries = await worker.entries(count)
    assert [entry.error for entry in entries] == [None] * len(entries)
    return [json.loads(entry.body) for entry in entries]


async def test_a_message_through_a_broadcast_list_is_in_the_chat_with_its_sender(
    phone: SimulatedPhone, linked: WorkerDriver, bob: SimulatedContact
) -> None:
    write_through_list(bob, phone.account, content.text("Promoção"))
    (event,) = await received_events(linked, 1)
    assert (event["text"], event["chat"], event["sender"], event["group"]) == ("Promoção", party(bob), party(bob), None)


async def test_a_message_of_the_owner_to_a_broadcast_list_is_in_the_chat_with_each_recipient(
    world: World, phone: SimulatedPhone, linked: WorkerDriver, bob: SimulatedContact
) -> None:
    eve = world.add_contact(name="Eve")
    wa_id = write_to_list(phone, [bob.account, eve.account], "Fechamos na sexta")
    events = await received_events(linked, 2)
    assert [event["chat"] for event in events] == [party(bob), party(eve)]
    assert all((event["from_me"], event["wa_id"], event["group"]) == (True, wa_id, None) for event in events)
    assert len({event["id"] for event in events}) == 2


async def test_a_missed_call_is_reported_and_one_that_the_phone_handled_is_not(
    phone: SimulatedPhone, linked: WorkerDriver, bob: SimulatedContact
) -> None:
    for reason in ("accepted_elsewhere", "rejected_elsewhere"):
        call = SimulatedCall(bob, phone.account)
        call.offer()
        call.end(reason)
    missed = SimulatedCall(bob, phone.account, video=True)
    missed.offer()
    missed.end()
    (event,) = await received_events(linked, 1)
    assert (event["type"], event["wa_id"], event["sender"]) == ("missed_call", missed.id, party(bob))
    assert event["text"] == "Missed video call"


async def test_cut_texts_and_impossible_times_are_repaired(
    phone: SimulatedPhone, linked: WorkerDriver, bob: SimulatedContact
) -> None:
    before = utc_now()
    bob.write(phone.account, content.raw(b"\x0a" + bytes([len(CUT)]) + CUT))
    for time in (0, 1, 4_102_444_800):
        bob.write(phone.account, content.text(f"at {time}"), extra={"t": time})
    events = await received_events(linked, 4)
    assert [event["text"] for event in events] == ["quero \ufffd", "at 0", "at 1", "at 4102444800"]
    assert all(before.isoformat()[:10] <= event["timestamp"][:10] <= utc_now().isoformat()[:10] for event in events)


async def test_a_business_has_its_verified_name(
    phone: SimulatedPhone, linked: WorkerDriver, bob: SimulatedContact
) -> None:
    bob.account.name, bob.account.verified_name = "", "Padaria Sol"
    bob.write(phone.account, content.text("bom dia"))
    (event,) = await received_events(linked, 1)
    assert event["push_name"] == "Padaria Sol"


async def test_an_unknown_kind_is_unsupported_and_protocol_messages_are_ignored(
    phone: SimulatedPhone, linked: WorkerDriver, bob: SimulatedContact
) -> None:
    album, wrapped = Message(), Message()
    album.albumMessage.expectedImageCount = 3
    wrapped.associatedChildMessage.message.imageMessage.caption = "HD"
    bob.write(phone.account, content.raw(album.SerializeToString()))
    bob.write(phone.account, content.raw(b"\xe2\x0c\x07\x0a\x05hello"))
    bob.write(phone.account, content.raw(wrapped.SerializeToString()))
    events = await received_events(linked, 2)
    assert [(event["type"], event["text"]) for event in events] == [("unsupported", None), ("image", "HD")]
