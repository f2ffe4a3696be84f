"""No operation of a handler reads more documents when the history is longer: each query uses an index."""

from typing import Any

import pytest

from services.router.rules.booking_status import booking_id
from services.router.rules.contact_identity import conversation_id
from shared.contracts.commands import (
    AssignConversation,
    ChangeBooking,
    ExpectedAssignee,
    ExpectedName,
    MergeContacts,
    RenameContact,
)
from shared.contracts.events import MessageFailed, MessagesReadElsewhere
from shared.contracts.ids import derived_id
from shared.contracts.message import Message
from shared.contracts.records import BookingStatus, Party
from shared.platform.mongo import Database
from tests.integration.router.conftest import (
    ANNA,
    LID,
    ME,
    ONE,
    ORG,
    PHONE,
    START,
    Router,
    command,
    outcome,
    receipt,
    received,
    recorded_as,
)

HISTORY = 150
"""Messages of the same instance, from other people, that no handler needs."""
MAX_EXAMINED = 12
"""Documents or keys of one operation."""
COMMON: dict[str, Any] = {"organization_id": ORG, "instance_id": ONE, "at": START}
BERT = received("B1", Party(phone="4915187654321"))
ANNAS, BERTS = (derived_id("contact", event.id) for event in (received("A1"), BERT))
BEFORE: list[Message] = [
    received("A1"),
    received("A2", PHONE, minute=1),
    BERT,
    command("m1"),
    outcome("m1"),
    command("m2"),
]
HANDLED: dict[str, Message] = {
    "a message": received("A9", minute=9),
    "a message repeated": received("A1"),
    "a message of a stranger": received("N1", Party(phone="4915133333333", lid="333"), minute=9),
    "a message with another name": received("A9", push_name="Anna B.", minute=9),
    "a reply": received("A9", quoted_wa_id="A1", minute=9),
    "a reply to a text": received("A9", quoted_wa_id="W1", minute=9),
    "an edit": received("E1", type="edit", quoted_wa_id="A1", minute=2),
    "a revoke": received("E2", type="revoke", quoted_wa_id="A1", minute=2),
    "a placeholder of a known message": received("A1", type="undecryptable", text=None),
    "a message typed on the phone": received("W7", ME, chat=PHONE, from_me=True, minute=9),
    "a note": received("W8", ME, from_me=True, minute=9),
    "a command to send": command("m9"),
    "a command repeated": command("m1"),
    "an acceptance": outcome("m2", "W2"),
    "a failure": MessageFailed(id="f", message_id="m2", code="timeout", detail="", **COMMON),
    "a receipt": receipt("read"),
    "a receipt of a LID": receipt("delivered", sender=LID),
    "a receipt of many": receipt("read", "W1", "X1", "X2"),
    "an early receipt": receipt("delivered", "W9"),
    "read on the phone": MessagesReadElsewhere(id="r", wa_ids=["A1"], chat=ANNA, timestamp=START, **COMMON),
    "a name for a contact": RenameContact(
        id="n", at=START, organization_id=ORG, contact_id=ANNAS, name="Anna", expected=ExpectedName(name=None)
    ),
    "contacts merged by hand": MergeContacts(
        id="h", at=START, organization_id=ORG, contact_id=ANNAS, other_id=BERTS, anyway=True
    ),
    "a conversation that is taken": AssignConversation(
        id="t",
        at=START,
        organization_id=ORG,
        conversation_id=conversation_id(ONE, ANNAS),
        user_id=None,
        expected_assignee=ExpectedAssignee(user_id=None),
    ),
    "a changed booking": ChangeBooking(
        id="b",
        at=START,
        organization_id=ORG,
        booking_id=booking_id(recorded_as("A1")),
        by="user",
        status=BookingStatus.CONFIRMED,
    ),
}


async def operations_that_read_much(database: Database) -> list[str]:
    found = await database["system.profile"].find().to_list(None)
    return [
        f"{item['ns']} {item.get('planSummary')}: {item.get('docsExamined')} documents for {item.get('command')}"
        for item in found
        if max(item.get("docsExamined", 0), item.get("keysExamined", 0)) > MAX_EXAMINED
    ]


@pytest.mark.parametrize("name", HANDLED)
async def test_no_operation_reads_the_history(router: Router, name: str) -> None:
    await router.deliver_together(
        *(
            received(f"H{number}", Party(phone=f"4915120000{number:03}", lid=f"9{number:05}"), minute=number % 60)
            for number in range(HISTORY)
        )
    )
    await router.handle(*BEFORE)
    router.context.store.recent_contacts.forget(row["_id"] for row in await router.rows("contacts"))
    database = router.database
    await database["system.profile"].drop()
    await database.command("profile", 2, filter={"ns": {"$not": {"$regex": r"system\.profile$"}}})
    try:
        await router.deliver(HANDLED[name])
    finally:
        await database.command("profile", 0)
    much = await operations_that_read_much(database)
    assert not much, much
    await database["system.profile"].drop()
