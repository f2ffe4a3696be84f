"""Texts, receipts, typing, media and groups between the real neonize and simulated people."""

import base64
from typing import Any

from simulator.people import content
from simulator.people.content import MediaFile
from simulator.people.phone import SimulatedPhone
from simulator.world import World
from tests.waiting import until

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


async def test_a_contact_writes_and_the_companion_acknowledges(
    world: World, phone: SimulatedPhone, linked: Any
) -> None:
    bob = world.add_contact(name="Bob")
    first, _ = bob.write(phone.account, content.text("hello äöü 🎉"))
    second, _ = bob.write(phone.account, content.text("second"))
    event = await linked.event("Message", id=first)
    assert (event["text"], event["name"], event["from_me"]) == ("hello äöü 🎉", "Bob", False)
    await linked.event("Message", id=second)
    ledger = world.network.delivery.ledger(phone.account.number)
    await until(lambda: ledger.acknowledged_ids() == [first, second])
    assert ledger.counts() | {"received": 0} == {
        "written": 2,
        "delivered": 2,
        "acknowledged": 2,
        "redelivered": 0,
        "pending": 0,
        "received": 0,
    }


async def test_a_companion_writes_and_both_the_contact_and_the_own_phone_can_read_it(
    world: World, phone: SimulatedPhone, linked: Any
) -> None:
    bob = world.add_contact(name="Bob")
    bob.account.auto_receipts = ["delivered", "read"]
    for number in range(3):
        message_id = await linked.call("send", to=bob.account.number, text=f"hi {number}")
        (got,) = await bob.inbox.after(number, wait=10)
        assert (got["id"], got["text"], got["from"], got["kind"]) == (
            message_id,
            f"hi {number}",
            phone.account.number,
            "text",
        )
        (own,) = await phone.inbox.after(2 * number, wait=10)
        assert own["text"] == f"hi {number}"
        await linked.event("Receipt", ids=[message_id])
        answer, _ = bob.write(phone.account, content.text(f"answer {number}"))
        await linked.event("Message", id=answer)
    received = world.network.delivery.ledger(phone.account.number).received
    assert [entry["to"] for entry in received] == [bob.account.number] * 3, received


async def test_a_client_that_cannot_decrypt_sends_a_retry_receipt_and_gets_the_message(
    world: World, phone: SimulatedPhone, linked: Any
) -> None:
    bob = world.add_contact(name="Bob")
    await linked.call("send", to=bob.account.number, text="before")
    await bob.inbox.after(0, wait=10)
    await phone.inbox.after(0, wait=10)
    device = str(next(iter(phone.account.companions.values())).lid)
    for person in (bob, phone):
        person.account.device.delete_sessions(device)
    await linked.call("send", to=bob.account.number, text="after")
    for person in (bob, phone):
        (got,) = await person.inbox.after(1, wait=10)
        assert got["text"] == "after"


async def test_the_addressing_mode_decides_the_jid_of_the_chat(
    world: World, phone: SimulatedPhone, linked: Any
) -> None:
    bob = world.add_contact(name="Bob")
    by_lid, _ = bob.write(phone.account, content.text("by lid"))
    assert (await linked.event("Message", id=by_lid))["chat"] == str(bob.account.lid)
    bob.account.addressing = "pn"
    by_number, _ = bob.write(phone.account, content.text("by number"))
    assert (await linked.event("Message", id=by_number))["chat"] == str(bob.account.pn)


async def test_a_message_from_the_phone_reaches_the_companion_as_own_message(
    world: World, phone: SimulatedPhone, linked: Any
) -> None:
    bob = world.add_contact(name="Bob")
    typed = phone.write_own(bob.account, "typed on the phone")
    note = phone.write_own(phone.account, "note to self")
    event = await linked.event("Message", id=typed)
    assert (event["from_me"], event["text"], event["chat"]) == (True, "typed on the phone", str(bob.account.lid))
    event = await linked.event("Message", id=note)
    assert (event["from_me"], event["text"]) == (True, "note to self")
    assert [item["text"] for item in await bob.inbox.after(0, wait=0)] == ["typed on the phone"]


async def test_typing_goes_both_ways_once_the_push_name_has_arrived(
    world: World, phone: SimulatedPhone, linked: Any
) -> None:
    bob = world.add_contact(name="Bob")
    companion = phone.account.companions[1]
    await linked.call("available")
    await until(lambda: companion.available)
    bob.typing(phone.account, "composing")
    await linked.event("ChatPresence")
    await linked.call("typing", to=bob.account.number)
    await until(lambda: bob.typing_states)
    assert bob.typing_states[0]["state"] == "composing"


async def test_media_travel_both_ways(world: World, phone: SimulatedPhone, linked: Any) -> None:
    bob = world.add_contact(name="Bob")
    file = MediaFile("image", "image/png", PNG * 500, "from Bob")
    sent, _ = bob.write(phone.account, content.media(world.service.media, file, phone.account.number))
    assert (await linked.event("Message", id=sent))["text"] == "from Bob"
    assert base64.b64decode(await linked.call("download", id=sent)) == file.data
    await linked.call("send_image", to=bob.account.number, data=base64.b64encode(PNG).decode())
    (got,) = await bob.inbox.after(0, wait=10)
    assert (got["kind"], got["text"], got["media"]["mime_type"]) == ("image", "look", "image/png")
    received = bob.inbox.get(1)
    assert received is not None
    assert received.decoded.file(world.service.media) == PNG


async def test_group_texts_travel_both_ways(world: World, phone: SimulatedPhone, linked: Any) -> None:
    bob, eve = world.add_contact(name="Bob"), world.add_contact(name="Eve")
    members = [bob.account.number, eve.account.number, phone.account.number]
    group = world.network.add_group("The group", members)
    for text in ("with the key", "without the key"):
        message_id = bob.write_to_group(group, text)
        event = await linked.event("Message", id=message_id, text=text)
        assert event["chat"] == str(group.jid)
    message_id = await linked.call("send", to=str(group.jid), text="from neonize")
    for contact, before in ((bob, 0), (eve, 2)):
        (got,) = await contact.inbox.after(before, wait=10)
        assert (got["id"], got["text"], got["chat"]) == (message_id, "from neonize", str(group.jid))


async def test_a_contact_that_cannot_decrypt_gets_the_message_again(
    world: World, phone: SimulatedPhone, linked: Any
) -> None:
    bob = world.add_contact(name="Bob")
    await linked.call("send", to=bob.account.number, text="before")
    await bob.inbox.after(0, wait=10)
    bob.account.device.sessions.clear()
    message_id = await linked.call("send", to=bob.account.number, text="once more please")
    (got,) = await bob.inbox.after(1, wait=10)
    assert (got["id"], got["text"]) == (message_id, "once more please")
