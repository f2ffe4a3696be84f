"""Contacts and instances change while messages are on their way: every send has an outcome, no contact is lost."""

from shared.contracts.events import ConnectionChanged, MessageFailed, MessageReceived, MessageSent
from shared.contracts.records import ConnectionStatus as S
from simulator.app import Simulator
from simulator.people import content
from simulator.people.phone import SimulatedPhone
from simulator.protocol.node import element
from simulator.server.accounts import Faults
from tests.integration.session.service.service import SessionService

NEW_NUMBER = "4915144444444"


async def test_a_contact_who_changed_their_number_is_reached_under_the_old_one(
    service: SessionService, simulator: Simulator, phone: SimulatedPhone
) -> None:
    await service.link(phone)
    bob = simulator.world.add_contact(name="Bob")
    old = bob.account.number
    wa_id, _ = bob.write(phone.account, content.text("hello"))
    await service.event(MessageReceived, wa_id=wa_id)
    before = len(service.events)
    bob.change_number(NEW_NUMBER, phone.account)
    await service.send("m1", old, "still there?")
    await service.event(MessageSent, message_id="m1")
    (got,) = await bob.inbox.after(0, wait=10)
    assert got["text"] == "still there?"
    wa_id, _ = bob.write(phone.account, content.text("yes"))
    answer = await service.event(MessageReceived, wa_id=wa_id)
    assert answer.sender.lid == bob.account.lid_user
    assert not [event for event in service.events[before:] if isinstance(event, ConnectionChanged)]


async def test_every_send_has_an_outcome_when_the_instance_is_unlinked_meanwhile(
    service: SessionService, simulator: Simulator, phone: SimulatedPhone
) -> None:
    await service.link(phone)
    people = [simulator.world.add_contact() for _ in range(6)]
    phone.account.faults = Faults(hold_message_acks=True)
    for number, person in enumerate(people):
        await service.send(f"m{number}", person.account.number, "hello")
    await people[0].inbox.after(0, wait=10)  # the first is on its way, the others wait behind it
    connection = phone.account.companions[1].connection
    connection.send(element("stream:error", {"code": "401"}, element("conflict", {"type": "device_removed"})))
    await service.event(ConnectionChanged, status=S.LOGGED_OUT)
    ended = [await service.event(MessageFailed, message_id=f"m{number}") for number in range(len(people))]
    for person, event in zip(people, ended, strict=True):
        assert event.unconfirmed or not person.inbox  # what arrived is not called failed
    assert [event.unconfirmed for event in ended].count(True) >= 1
    await service.send("late", people[0].account.number, "too late")
    late = await service.event(MessageFailed, message_id="late")
    assert (late.code, late.unconfirmed) == ("not_connected", False)
