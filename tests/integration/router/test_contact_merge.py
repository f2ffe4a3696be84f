"""Contacts that turn out to be one person while others are writing for them."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from services.router.rules.contact_identity import conversation_id
from shared.contracts.events import BookingUpdated, ContactCreated, MessageStatusChanged
from shared.contracts.message import Message
from shared.contracts.records import BookingStatus
from tests.integration.router.conftest import LID, ONE, PHONE, Router, command, on_one_message, outcome, received

Meanwhile = Callable[[], Awaitable[None]]


class Interrupted:
    """A part of the store; something happens before or after the first call of one of its methods."""

    def __init__(self, part: object, method: str, meanwhile: Meanwhile, *, after: bool = False) -> None:
        self._part, self._method, self._after = part, method, after
        self._meanwhile: list[Meanwhile] = [meanwhile]

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        return self._around(found) if name == self._method else found

    def _around(self, work: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def run(*args: Any, **named: Any) -> Any:
            waiting = self._meanwhile.pop() if self._meanwhile else None
            if waiting and not self._after:
                await waiting()
            result = await work(*args, **named)
            if waiting and self._after:
                await waiting()
            return result

        return run


def in_the_transaction(monkeypatch: pytest.MonkeyPatch, where: object, step: str, meanwhile: Meanwhile) -> None:
    """`meanwhile` happens before a step of a transaction that has read what is there, and has not committed."""
    waiting, work = [meanwhile], getattr(where, step)

    async def interrupted_step(*args: Any, **named: Any) -> Any:
        if waiting:
            await waiting.pop()()
        return await work(*args, **named)

    monkeypatch.setattr(where, step, interrupted_step)


def interrupted(router: Router, part: str, method: str, meanwhile: Meanwhile, *, after: bool = False) -> Router:
    parts: Any = {part: Interrupted(getattr(router.context.store, part), method, meanwhile, after=after)}
    store = dataclasses.replace(router.context.store, **parts)
    return dataclasses.replace(router, context=dataclasses.replace(router.context, store=store))


async def two_contacts(router: Router) -> tuple[str, str]:
    """The same person, met by phone and then by LID: the older and the younger contact."""
    await router.handle(received("A1", PHONE), received("A2", LID, minute=1))
    older, younger = (item.contact.id for item in router.of(ContactCreated))
    return older, younger


async def all_is_with(router: Router, contact_id: str) -> None:
    place = (contact_id, conversation_id(ONE, contact_id))
    assert {(m["contact_id"], m["conversation_id"]) for m in await router.rows("messages")} == {place}
    assert (await router.only("conversations"))["contact_id"] == contact_id
    assert {booking["contact_id"] for booking in await router.rows("bookings")} == {contact_id}
    assert (await router.only("bookings", open=True))["status"] == "pending"


STEPS = (
    ("contacts", "match_all"),
    ("messages", "insert_new"),
    ("conversations", "add_messages"),
    ("contacts", "exist"),
)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("part", "step"), STEPS)
async def test_a_message_handled_during_the_merge_is_moved(router: Router, part: str, step: str, after: bool) -> None:
    older, _ = await two_contacts(router)
    merging = received("A3", minute=2)
    late = interrupted(router, part, step, lambda: on_one_message(merging, router.context), after=after)
    await late.deliver(received("A4", LID, minute=3))
    await all_is_with(router, older)


@pytest.mark.parametrize("by", ["a contact", "us"])
async def test_a_crash_before_a_message_is_stored_hides_no_other_from_the_merge(router: Router, by: str) -> None:
    older, younger = await two_contacts(router)
    merging = received("A3", minute=2)
    written: Message = received("A4", LID, minute=3, push_name="Anna")
    if by == "us":
        written = command(conversation_id=conversation_id(ONE, younger))
    shown, merged = asyncio.Event(), asyncio.Event()

    async def merge() -> None:
        await on_one_message(merging, router.context)
        merged.set()

    async def after_show() -> None:
        shown.set()

    async def crash() -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(shown.wait(), 0.5)
        raise ConnectionError("before it is stored")

    async def meanwhile() -> None:
        """Another replica has found the younger contact and shows its conversation for the first time."""
        router.context.store.conversations._newest_keys.clear()
        dying = interrupted(router, "messages", "add", crash)
        late = interrupted(dying, "conversations", "add_message", after_show, after=True)
        with suppress(ConnectionError):
            await interrupted(late, "conversations", "add_message", merge).handle(written)
        if not merged.is_set():
            await merge()

    await interrupted(router, "messages", "insert_new", meanwhile).deliver(received("A5", LID, minute=4))
    await router.deliver(written)
    await all_is_with(router, older)


async def test_a_message_with_a_new_name_stored_just_after_the_merge_is_moved(router: Router) -> None:
    older, _ = await two_contacts(router)
    merging = received("A3", minute=2)
    late = interrupted(router, "messages", "add", lambda: on_one_message(merging, router.context))
    await late.deliver(received("A4", LID, minute=3, push_name="Anna the second"))
    await all_is_with(router, older)


@pytest.mark.parametrize("crash", [False, True], ids=["undisturbed", "after a crash"])
async def test_a_message_the_merge_did_not_see_is_moved(router: Router, crash: bool) -> None:
    older, younger = await two_contacts(router)
    known = await router.only("messages", wa_id="A2")

    async def unseen() -> None:
        stray = {**known, "_id": "stray", "wa_id": "A9"}
        await router.database["messages"].insert_one(stray)
        if crash:
            raise ConnectionError("right after the merge")

    assert known["contact_id"] == younger
    await interrupted(router, "contacts", "resolve", unseen, after=True).deliver(received("A3", minute=2))
    await all_is_with(router, older)


async def test_a_text_recorded_just_after_the_merge_is_moved_and_sent_once(router: Router) -> None:
    older, younger = await two_contacts(router)
    merging = received("A3", minute=2)
    asked = command(conversation_id=conversation_id(ONE, younger))
    late = interrupted(router, "messages", "add", lambda: on_one_message(merging, router.context))
    await late.deliver(asked)
    await all_is_with(router, older)
    await router.handle(outcome(), asked)
    assert router.names().count("CommandRefused") == 0
    assert len({item.id for item in router.published if type(item).__name__ == "SendText"}) == 1
    assert router.of(MessageStatusChanged)[-1].status == "sent"


async def test_the_booking_that_a_merge_cancels_is_published(router: Router) -> None:
    older, _ = await two_contacts(router)
    await router.handle(received("A3", minute=2), received("A3", minute=2))
    ended = await router.only("bookings", open=False)
    assert (ended["contact_id"], ended["status"]) == (older, BookingStatus.CANCELLED)
    first, again = router.of(BookingUpdated)
    assert (first.booking.id, first.id) == (ended["_id"], again.id)
