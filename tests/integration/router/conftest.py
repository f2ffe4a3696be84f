"""The router's handlers on a real MongoDB, with every published message in a list."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from services.router.context import RouterContext
from services.router.handlers.booking_commands import on_change_booking, on_create_booking, on_reschedule_booking
from services.router.handlers.contact_commands import on_merge_contacts, on_rename_contact, on_split_contact
from services.router.handlers.conversation_commands import (
    on_assign_conversation,
    on_change_conversation,
    on_mark_read,
    on_read_elsewhere,
)
from services.router.handlers.message_status import on_failed, on_receipt, on_sent
from services.router.handlers.ownership import own_instances_only
from services.router.handlers.sending import on_send
from services.router.inbox.pipeline import handle
from services.router.rules.message_keys import record_id
from services.router.store import open_store
from shared.contracts.commands import (
    AssignConversation,
    ChangeBooking,
    ChangeConversation,
    CreateBooking,
    MarkConversationRead,
    MergeContacts,
    RenameContact,
    RescheduleBooking,
    SendMessage,
    SplitContact,
)
from shared.contracts.errors import Retry
from shared.contracts.events import MessageFailed, MessageReceived, MessageSent, MessagesReadElsewhere, ReceiptReceived
from shared.contracts.ids import derived_id
from shared.contracts.message import Message
from shared.contracts.message_identity import identity, other_party
from shared.contracts.order_keys import key_at
from shared.contracts.records import MessageRecord, Party
from shared.platform.mongo import Database, Document, DuplicateKeyError, ensure_views, open_mongo
from shared.platform.settings import Settings

M = TypeVar("M", bound=Message)
ORG, ONE = "acme", "one"
START = datetime(2026, 1, 1, 12, tzinfo=UTC)
ME = Party(phone="4915199999999", lid="999")
ANNA = Party(phone="4915112345678", lid="111")
PHONE, LID = Party(phone=ANNA.phone), Party(lid=ANNA.lid)
TABLES = ("contacts", "conversations", "messages", "bookings", "receipts")


async def on_one_message(event: MessageReceived, context: RouterContext) -> None:
    (outcome,) = await handle([event], context)
    if outcome:
        raise outcome


HANDLERS: dict[type[Message], Callable[[Any, RouterContext], Awaitable[None]]] = {
    MessageReceived: on_one_message,
    ReceiptReceived: on_receipt,
    MessageSent: on_sent,
    MessageFailed: on_failed,
    SendMessage: on_send,
    ChangeBooking: on_change_booking,
    CreateBooking: on_create_booking,
    RescheduleBooking: on_reschedule_booking,
    RenameContact: on_rename_contact,
    MergeContacts: on_merge_contacts,
    SplitContact: on_split_contact,
    MessagesReadElsewhere: own_instances_only(on_read_elsewhere),
    MarkConversationRead: on_mark_read,
    AssignConversation: on_assign_conversation,
    ChangeConversation: on_change_conversation,
}


@dataclass(frozen=True)
class Router:
    """The handlers over one fresh database, and what they published."""

    context: RouterContext
    database: Database
    published: list[Message]

    async def handle(self, *messages: Message) -> None:
        for message in messages:
            await HANDLERS[type(message)](message, self.context)

    async def deliver(self, message: Message, attempts: int = 50) -> None:
        """Like NATS: again when the handler asks for it or others interfered."""
        for _ in range(attempts):
            try:
                return await self.handle(message)
            except (Retry, DuplicateKeyError, ConnectionError):
                continue
        raise AssertionError(f"{message} could not be handled in {attempts} attempts")

    async def deliver_together(self, *messages: MessageReceived, attempts: int = 50) -> None:
        """The same for a batch: what could not be handled comes again."""
        left = list(messages)
        for _ in range(attempts):
            outcomes = await handle(left, self.context)
            wrong = [
                one for one in outcomes if one and not isinstance(one, Retry | DuplicateKeyError | ConnectionError)
            ]
            assert not wrong, wrong
            left = [message for message, outcome in zip(left, outcomes, strict=True) if outcome]
            if not left:
                return
        raise AssertionError(f"{left} could not be handled in {attempts} attempts")

    async def rows(self, table: str, **wanted: Any) -> list[Document]:
        return await self.database[table].find(wanted).sort("_id").to_list(None)

    async def only(self, table: str, **wanted: Any) -> Document:
        found = await self.rows(table, **wanted)
        assert len(found) == 1, found
        return found[0]

    async def state(self) -> dict[str, list[Document]]:
        return {table: await self.rows(table) for table in TABLES}

    async def message(self, message_id: str) -> MessageRecord:
        found = await self.context.store.messages.by_id(message_id)
        assert found
        return found

    def of(self, cls: type[M]) -> list[M]:
        return [message for message in self.published if isinstance(message, cls)]

    def names(self) -> list[str]:
        return [type(message).__name__ for message in self.published]


@asynccontextmanager
async def open_database(mongo_url: str) -> AsyncIterator[Database]:
    """A database of this process of tests, with the api's views; dropped afterwards."""
    settings = Settings(mongo_url=mongo_url, mongo_database=f"router_{os.getpid()}")
    async with open_mongo(settings) as database:
        await ensure_views(database)
        yield database
        await database.client.drop_database(database.name)


@pytest.fixture(scope="session")
async def router_database(mongo_url: str) -> AsyncIterator[Database]:
    async with open_database(mongo_url) as database:
        # receipts of START are older than RECEIPT_RETENTION: MongoDB would remove them within a minute
        await database.client.admin.command("setParameter", 1, ttlMonitorEnabled=False)
        yield database


@asynccontextmanager
async def open_router(database: Database) -> AsyncIterator[Router]:
    """A router with one connected account that is ME. The database is emptied, not made anew: indexes take longer than
    most tests."""
    published: list[Message] = []

    async def publish(*messages: Message) -> None:
        published.extend(messages)

    context = RouterContext(await open_store(database), publish, lambda: START)
    names = (*TABLES, "send_claims", "instances", "connections", "organizations")
    await asyncio.gather(*(database[name].delete_many({}) for name in names))
    await add_account(database, ONE, ME)
    yield Router(context, database, published)


@pytest.fixture
async def router(router_database: Database) -> AsyncIterator[Router]:
    async with open_router(router_database) as opened:
        yield opened


async def want(database: Database, **settings: Any) -> None:
    """What the api keeps when the organization changes its settings."""
    organization = {"$set": {"settings": settings}}
    await database["organizations"].update_one({"_id": ORG}, organization, upsert=True)


async def add_account(database: Database, instance_id: str, party: Party, status: str = "connected") -> None:
    common = {"_id": instance_id, "organization_id": ORG, "phone_number": party.phone, "lid": party.lid}
    await database["instances"].insert_one({**common, "deleted_at": None})
    await database["connections"].insert_one({**common, "status": status})


def arrival(wa_id: str, minute: int = 0) -> int:
    """The order key of this message: of several in one minute, the one with the greater number arrived later."""
    return key_at(START + timedelta(minutes=minute)) + int("".join(filter(str.isdigit, wa_id))[-3:] or 0)


def received(wa_id: str, sender: Party = ANNA, *, minute: int = 0, **fields: Any) -> MessageReceived:
    """What the session service publishes for one message; in a one-to-one chat the sender is the chat."""
    at = START + timedelta(minutes=minute)
    from_me, group, chat = fields.get("from_me", False), fields.get("group"), fields.get("chat")
    key = identity(wa_id, from_me, group, other_party(from_me, group, sender, chat))
    given: dict[str, Any] = {
        "id": derived_id(ONE, "message", *key),
        "at": at,
        "organization_id": ORG,
        "instance_id": ONE,
        "wa_id": wa_id,
        "sender": sender,
        "chat": None if fields.get("group") else sender,
        "text": f"text {wa_id}",
        "timestamp": at,
        "order_key": arrival(wa_id, minute),
    }
    return MessageReceived(**{**given, **fields})


def recorded_as(wa_id: str, sender: Party = ANNA, **fields: Any) -> str:
    """The id of the record that `received` with the same arguments makes."""
    return record_id(received(wa_id, sender, **fields))


def command(message_id: str = "m1", **fields: Any) -> SendMessage:
    given: dict[str, Any] = {"organization_id": ORG, "id": f"do-{message_id}", "at": START, "text": "hello"}
    return SendMessage(
        message_id=message_id, **{**given, **({} if "conversation_id" in fields else {"to": ANNA.phone}), **fields}
    )


def outcome(message_id: str = "m1", wa_id: str = "W1") -> MessageSent:
    common: dict[str, Any] = {"organization_id": ORG, "instance_id": ONE, "id": f"sent-{message_id}", "at": START}
    return MessageSent(message_id=message_id, wa_id=wa_id, timestamp=START, **common)


def receipt(status: Any, *wa_ids: str, sender: Party | None = ANNA, minute: int = 1) -> ReceiptReceived:
    at = START + timedelta(minutes=minute)
    key = derived_id("receipt", status, *wa_ids)
    common: dict[str, Any] = {"organization_id": ORG, "instance_id": ONE, "id": key, "at": at, "timestamp": at}
    return ReceiptReceived(wa_ids=list(wa_ids or ("W1",)), status=status, sender=sender, **common)
