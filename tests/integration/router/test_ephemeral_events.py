"""Typing and online status of contacts."""

from datetime import timedelta

import pytest

from services.router.handlers.ephemeral_events import on_presence, on_typing
from services.router.rules.contact_identity import conversation_id
from shared.contracts.ephemeral import (
    MAX_EPHEMERAL_AGE,
    ContactPresence,
    ContactTyping,
    PresenceObserved,
    TypingObserved,
)
from shared.contracts.message import EphemeralEvent, utc_now
from shared.contracts.records import Party
from tests.integration.router.conftest import ANNA, LID, ONE, ORG, PHONE, START, Router, received

IDS = {"organization_id": ORG, "instance_id": ONE}


class Said(list[EphemeralEvent]):
    async def __call__(self, live: EphemeralEvent) -> None:
        self.append(live)


def typing(sender: Party = LID, **more: object) -> TypingObserved:
    return TypingObserved.model_validate({**IDS, "sender": sender, "state": "composing", **more})


@pytest.fixture
async def anna(router: Router) -> str:
    await router.handle(received("W0"))
    return str((await router.only("contacts"))["_id"])


@pytest.mark.parametrize("sender", [ANNA, LID, PHONE])
async def test_typing_is_published_with_its_contact(router: Router, anna: str, sender: Party) -> None:
    published, seen = Said(), typing(sender)
    await on_typing(seen, router.context.store, published)
    (event,) = published
    assert isinstance(event, ContactTyping)
    assert (event.contact_id, event.conversation_id, event.at) == (anna, conversation_id(ONE, anna), seen.at)
    assert event.from_address == (sender.phone or "111@lid")


async def test_a_stranger_who_types_has_an_address_and_becomes_no_contact(router: Router) -> None:
    published = Said()
    await on_typing(typing(Party(lid="5")), router.context.store, published)
    await on_typing(typing(Party(lid="5"), group="1-2@g.us"), router.context.store, published)
    assert [(t.contact_id, t.from_address, t.group) for t in published if isinstance(t, ContactTyping)] == [
        (None, "5@lid", None),
        (None, "5@lid", "1-2@g.us"),
    ]
    assert await router.rows("contacts") == []


async def test_who_types_in_a_group_is_not_typing_in_his_conversation(router: Router, anna: str) -> None:
    published = Said()
    await on_typing(typing(group="1-2@g.us"), router.context.store, published)
    (event,) = published
    assert isinstance(event, ContactTyping)
    assert (event.contact_id, event.conversation_id) == (anna, None)


async def test_a_contact_comes_and_goes(router: Router, anna: str) -> None:
    published = Said()
    seen = PresenceObserved.model_validate({**IDS, "sender": LID, "available": False, "last_seen": START})
    await on_presence(seen, router.context.store, published)
    (event,) = published
    assert isinstance(event, ContactPresence)
    assert (event.contact_id, event.available, event.last_seen) == (anna, False, START)


async def test_late_ephemeral_events_are_dropped(router: Router, anna: str) -> None:
    published, late = Said(), utc_now() - MAX_EPHEMERAL_AGE - timedelta(seconds=1)
    await on_typing(typing(at=late), router.context.store, published)
    seen = PresenceObserved.model_validate({**IDS, "sender": LID, "available": True, "at": late})
    await on_presence(seen, router.context.store, published)
    assert published == []
