"""A crash before or after any step of a handler, and a redelivery: nothing is lost, nothing is there twice."""

import dataclasses
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from services.router.context import RouterContext
from services.router.rules.booking_status import booking_id
from services.router.rules.contact_identity import conversation_id
from services.router.store import RouterStore
from shared.contracts.commands import (
    AssignConversation,
    ChangeBooking,
    ChangeConversation,
    CreateBooking,
    ExpectedAssignee,
    ExpectedName,
    MergeContacts,
    RenameContact,
    RescheduleBooking,
)
from shared.contracts.events import MessageStatusChanged
from shared.contracts.ids import derived_id
from shared.contracts.message import Message
from shared.contracts.records import BookingStatus, ConversationStatus, MessageStatus
from shared.platform.mongo import Database, Document
from tests.integration.router.conftest import (
    LID,
    ME,
    ONE,
    ORG,
    PHONE,
    START,
    Router,
    command,
    open_router,
    outcome,
    receipt,
    received,
    recorded_as,
)

Step = Callable[..., Awaitable[Any]]


class Crashing:
    """Counts the steps taken and fails at one of them, once."""

    def __init__(self, at: int, *, after: bool) -> None:
        self.at, self.after, self.steps = at, after, 0

    def step(self, work: Step) -> Step:
        async def run(*args: Any, **named: Any) -> Any:
            self.steps += 1
            crash = self.steps == self.at
            if crash and not self.after:
                raise ConnectionError("before its work")
            result = await work(*args, **named)
            if crash:
                raise ConnectionError("after its work")
            return result

        return run

    def around(self, context: RouterContext) -> RouterContext:
        parts: Any = {
            part.name: Watched(getattr(context.store, part.name), self) for part in dataclasses.fields(RouterStore)
        }
        publish_one = self.step(context.publish)

        async def publish(*messages: Message) -> None:
            for message in messages:
                await publish_one(message)

        return RouterContext(RouterStore(**parts), publish, context.now)


class Watched:
    """A part of the store, each of whose async methods is a step."""

    def __init__(self, part: object, crashing: Crashing) -> None:
        self._part, self._crashing = part, crashing

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._part, name)
        return self._crashing.step(found) if inspect.iscoroutinefunction(found) else found


BOOKING = booking_id(recorded_as("A1"))
CONFIRM = ChangeBooking(
    id="do-b", at=START, organization_id=ORG, booking_id=BOOKING, status=BookingStatus.CONFIRMED, by="user"
)
ANNAS = derived_id("contact", received("A1").id)
MAKE = CreateBooking(id="do-c", at=START, organization_id=ORG, contact_id=ANNAS, text="a table", by="user")
MOVE = RescheduleBooking(id="do-r", at=START, organization_id=ORG, booking_id=BOOKING, starts_at=START, note="late")
THREAD = conversation_id(ONE, ANNAS)
CHECKED: dict[str, Any] = {"at": START, "organization_id": ORG, "conversation_id": THREAD}
RELEASE = AssignConversation(id="do-a", user_id=None, expected_assignee=ExpectedAssignee(user_id=None), **CHECKED)
TAKEN = AssignConversation(id="do-t", user_id=None, expected_assignee=ExpectedAssignee(user_id="u"), **CHECKED)
CLOSE = ChangeConversation(
    id="do-x", status=ConversationStatus.CLOSED, expected_status=ConversationStatus.OPEN, **CHECKED
)
RENAME = RenameContact(
    id="do-n", at=START, organization_id=ORG, contact_id=ANNAS, name="Anna", expected=ExpectedName(name="ann")
)
MERGE = MergeContacts(
    id="do-m", at=START, organization_id=ORG, contact_id=ANNAS, other_id=derived_id("contact", received("A2", LID).id)
)
CASES: dict[str, tuple[list[Message], Message]] = {
    "a first message": ([], received("A1", push_name="Anna")),
    "a second message with a new name": ([received("A1", PHONE)], received("A2", PHONE, push_name="Anna")),
    "a message with a new address": ([received("A1", LID)], received("A2")),
    "a message that merges": ([received("A1", PHONE), received("A2", LID, minute=1)], received("A3", minute=2)),
    "a message typed on the phone": ([receipt("read")], received("W1", ME, chat=PHONE, from_me=True)),
    "a note": ([], received("A1", ME, from_me=True)),
    "a command to send": ([], command()),
    "a command to send to a known contact": ([received("A1")], command()),
    "a message sent": ([command()], outcome()),
    "a message sent with an early receipt": ([command(), receipt("delivered")], outcome()),
    "a receipt": ([command(), outcome()], receipt("read")),
    "an early receipt": ([command()], receipt("delivered")),
    "a changed booking": ([received("A1")], CONFIRM),
    "a refused command": ([], CONFIRM),
    "a booking a person makes": ([received("A1", type="reaction")], MAKE),
    "a booking that cannot be made": ([received("A1")], MAKE),
    "a rescheduled booking": ([received("A1")], MOVE),
    "a conversation that is released": ([received("A1", PHONE)], RELEASE),
    "a conversation that somebody else took": ([received("A1", PHONE)], TAKEN),
    "a conversation that is closed": ([received("A1", PHONE)], CLOSE),
    "a contact that is renamed": ([received("A1", PHONE, push_name="ann")], RENAME),
    "a contact that has another name": ([received("A1", PHONE, push_name="Annie")], RENAME),
    "contacts that a user merges": ([received("A1", PHONE), received("A2", LID, minute=1)], MERGE),
    "contacts that cannot be merged": ([received("A1", PHONE)], MERGE),
}
Seen = tuple[dict[str, list[Document]], set[tuple[str, str]]]


async def outcome_of(router: Router, name: str, crashing: Crashing) -> Seen:
    before, event = CASES[name]
    await router.handle(*before)
    published = len(router.published)
    watched = dataclasses.replace(router, context=crashing.around(router.context))
    await watched.deliver(event)
    heard = [item for item in router.published[published:] if not answers_again(item)]
    return await router.state(), {(item.subject, item.id) for item in heard}


def answers_again(message: Message) -> bool:
    """A repeated command to send is answered with the present status of the message, which is nothing new."""
    return isinstance(message, MessageStatusChanged) and message.status is MessageStatus.QUEUED


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("name", CASES)
async def test_a_crash_at_any_step_leaves_nothing_behind(router_database: Database, name: str, after: bool) -> None:
    undisturbed = Crashing(0, after=after)
    async with open_router(router_database) as router:
        expected = await outcome_of(router, name, undisturbed)
    assert undisturbed.steps > 1
    for at in range(1, undisturbed.steps + 1):
        async with open_router(router_database) as router:
            found = await outcome_of(router, name, Crashing(at, after=after))
        assert found == expected, f"crash {'after' if after else 'before'} step {at} of {undisturbed.steps}"
