"""Replies, edits, revocations and unreadable messages, from a phone through the real library to an event."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.contracts.events import MessageReceived
from simulator.app import Simulator
from simulator.people import content, message_context
from simulator.people.contact import SimulatedContact
from simulator.people.phone import SimulatedPhone
from tests.integration.session.service.conftest import running_service, running_simulator, session_settings
from tests.integration.session.service.service import SessionService


@pytest.fixture(scope="module")
async def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("session")


@pytest.fixture(scope="module")
async def simulator(folder: Path) -> AsyncIterator[Simulator]:
    async with running_simulator(folder) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def phone(simulator: Simulator) -> SimulatedPhone:
    return simulator.world.add_phone("4915112345678", "Anna")


@pytest.fixture(scope="module")
async def service(
    nats_url: str, mongo_url: str, simulator: Simulator, phone: SimulatedPhone, folder: Path
) -> AsyncIterator[SessionService]:
    """One service with one linked account for all tests; each test has its own contacts."""
    settings = session_settings(nats_url, mongo_url, simulator, folder)
    async with running_service(settings, folder / "session.log") as service:
        await service.link(phone)
        yield service


@pytest.fixture
def bob(simulator: Simulator) -> SimulatedContact:
    return simulator.world.add_contact(name="Bob")


async def test_events_about_a_message_name_it(
    service: SessionService, phone: SimulatedPhone, bob: SimulatedContact
) -> None:
    first, _ = bob.write(phone.account, content.text("wednesday?"))
    contents = {
        "text": message_context.answer("yes", first, f"{bob.account.lid_user}@lid"),
        "reaction": message_context.reaction("👍", first),
        "edit": message_context.edit("thursday?", first),
        "revoke": message_context.revoke(first),
    }
    for kind, words in contents.items():
        wa_id, _ = bob.write(phone.account, words)
        event = await service.event(MessageReceived, wa_id=wa_id)
        assert (event.type, event.quoted_wa_id) == (kind, first)
    answer, edit = (
        event
        for event in service.events_of(MessageReceived)
        if event.quoted_wa_id == first and event.text in ("yes", "thursday?")
    )
    assert answer.quoted_sender is not None
    assert answer.quoted_sender.lid == bob.account.lid_user
    plain, _ = bob.write(phone.account, message_context.edit("friday?", first, wrapped=False))
    event = await service.event(MessageReceived, wa_id=plain)
    assert (event.type, event.text, edit.text) == ("edit", "friday?", "thursday?")


@pytest.mark.parametrize("named_by", ["lid", "phone"])
async def test_an_encrypted_edit_is_read(
    service: SessionService, phone: SimulatedPhone, bob: SimulatedContact, named_by: str
) -> None:
    author = str(bob.account.lid if named_by == "lid" else bob.account.pn)
    first, _ = bob.write(phone.account, message_context.with_secret("wednesday?", b"s" * 32))
    wa_id, _ = bob.write(phone.account, message_context.encrypted_edit("thursday?", first, author, b"s" * 32))
    event = await service.event(MessageReceived, wa_id=wa_id)
    assert (event.type, event.text, event.quoted_wa_id, event.unreadable) == ("edit", "thursday?", first, False)
    unknown, _ = bob.write(phone.account, message_context.encrypted_edit("friday?", "3EB0", author, b"s" * 32))
    event = await service.event(MessageReceived, wa_id=unknown)
    assert (event.type, event.text, event.quoted_wa_id, event.unreadable) == ("edit", None, "3EB0", True)


async def test_an_admin_deletes_a_message_of_another_member(
    service: SessionService, simulator: Simulator, phone: SimulatedPhone, bob: SimulatedContact
) -> None:
    eve = simulator.world.add_contact(name="Eve")
    members = [eve.account.number, bob.account.number, phone.account.number]
    group = simulator.world.network.add_group("The group", members)
    written = bob.write_to_group(group, "buy this")
    own = eve.write_to_group(group, message_context.revoke(written))
    by_admin = eve.write_to_group(group, message_context.revoke_of(written, str(bob.account.lid), str(group.jid)))
    for wa_id, expected in ((own, False), (by_admin, True)):
        event = await service.event(MessageReceived, wa_id=wa_id)
        assert (event.type, event.quoted_wa_id, event.group) == ("revoke", written, str(group.jid))
        assert event.by_admin is expected
    assert event.quoted_sender is not None
    assert (event.quoted_sender.lid, event.sender.lid) == (bob.account.lid_user, eve.account.lid_user)


async def test_the_owner_edits_and_revokes_on_the_phone(
    service: SessionService, phone: SimulatedPhone, bob: SimulatedContact
) -> None:
    first = phone.write_own(bob.account, "at nine")
    for message, kind in ((message_context.edit("at ten", first), "edit"), (message_context.revoke(first), "revoke")):
        wa_id = phone.write_own_content(bob.account, message)
        event = await service.event(MessageReceived, wa_id=wa_id)
        assert (event.type, event.from_me, event.quoted_wa_id) == (kind, True, first)
        assert event.chat is not None
        assert event.chat.lid == bob.account.lid_user


async def test_a_message_that_stays_unreadable_is_published_as_such(
    service: SessionService, phone: SimulatedPhone, bob: SimulatedContact
) -> None:
    lost = bob.write_undecryptable(phone.account, content.text("lost"), resends=False)
    event = await service.event(MessageReceived, wa_id=lost)
    assert (event.type, event.text, event.push_name) == ("undecryptable", None, "Bob")
    once = bob.write_unavailable(phone.account)
    event = await service.event(MessageReceived, wa_id=once)
    assert (event.type, event.sender.lid) == ("unavailable", bob.account.lid_user)


async def test_a_message_that_becomes_readable_is_published_twice(
    service: SessionService, phone: SimulatedPhone, bob: SimulatedContact
) -> None:
    wa_id = bob.write_undecryptable(phone.account, content.text("hello"))
    await service.event(MessageReceived, wa_id=wa_id, type="undecryptable")
    readable = await service.event(MessageReceived, wa_id=wa_id, type="text")
    assert readable.text == "hello"


async def test_a_hidden_message_is_not_published(
    service: SessionService, phone: SimulatedPhone, bob: SimulatedContact
) -> None:
    hidden = bob.write_undecryptable(phone.account, message_context.reaction("👍", "3EB0"), resends=False, hide=True)
    wa_id, _ = bob.write(phone.account, content.text("after it"))
    await service.event(MessageReceived, wa_id=wa_id)
    assert hidden not in {event.wa_id for event in service.events_of(MessageReceived)}
