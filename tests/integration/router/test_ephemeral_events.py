"""Who types, who is online, and the read ticks for what somebody here looked at."""

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
async def test_whoever_types_is_named_as_the_contact_he_is(router: Router, anna: str, sender: Party) -> None:
    said, seen = Said(), typing(sender)
    await on_typing(seen, router.context.store, said)
    (told,) = said
    assert isinstance(told, ContactTyping)
    assert (told.contact_id, told.conversation_id, told.at) == (anna, conversation_id(ONE, anna), seen.at)
    assert told.from_address == (sender.phone or "111@lid")


async def test_a_stranger_who_types_has_an_address_and_becomes_no_contact(router: Router) -> None:
    said = Said()
    await on_typing(typing(Party(lid="5")), router.context.store, said)
    await on_typing(typing(Party(lid="5"), group="1-2@g.us"), router.context.store, said)
    assert [(t.contact_id, t.from_address, t.group) for t in said if isinstance(t, ContactTyping)] == [
        (None, "5@lid", None),
        (None, "5@lid", "1-2@g.us"),
    ]
    assert await router.rows("contacts") == []


async def test_who_types_in_a_group_is_not_typing_in_his_conversation(router: Router, anna: str) -> None:
    said = Said()
    await on_typing(typing(group="1-2@g.us"), router.context.store, said)
    (told,) = said
    assert isinstance(told, ContactTyping)
    assert (told.contact_id, told.conversation_id) == (anna, None)


async def test_a_contact_comes_and_goes(router: Router, anna: str) -> None:
    said = Said()
    seen = PresenceObserved.model_validate({**IDS, "sender": LID, "available": False, "last_seen": START})
    await on_presence(seen, router.context.store, said)
    (told,) = said
    assert isinstance(told, ContactPresence)
    assert (told.contact_id, told.available, told.last_seen) == (anna, False, START)


async def test_what_comes_late_is_not_told(router: Router, anna: str) -> None:
    said, late = Said(), utc_now() - MAX_EPHEMERAL_AGE - timedelta(seconds=1)
    await on_typing(typing(at=late), router.context.store, said)
    seen = PresenceObserved.model_validate({**IDS, "sender": LID, "available": True, "at": late})
    await on_presence(seen, router.context.store, said)
    assert said == []
