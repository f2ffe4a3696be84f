"""The router's collections: it alone writes them."""

from dataclasses import dataclass

from services.router.store import bookings, contacts, conversations, messages, receipts
from services.router.store.accounts import Accounts
from services.router.store.bookings import Bookings
from services.router.store.contacts import Contacts
from services.router.store.conversations import Conversations
from services.router.store.messages import Messages
from services.router.store.receipts import Receipts
from shared.mongo import Database, drop_indexes, ensure_indexes

INDEXES = {
    "contacts": contacts.INDEXES,
    "conversations": conversations.INDEXES,
    "messages": messages.INDEXES,
    "bookings": bookings.INDEXES,
    "receipts": receipts.INDEXES,
}


@dataclass(frozen=True)
class Store:
    contacts: Contacts
    conversations: Conversations
    messages: Messages
    bookings: Bookings
    receipts: Receipts
    accounts: Accounts


async def open_store(database: Database) -> Store:
    """Makes the indexes; waits for MongoDB when it is still starting."""
    await ensure_indexes(database, INDEXES)
    await drop_indexes(database, {"bookings": bookings.RETIRED})
    return Store(
        Contacts(database), Conversations(database), Messages(database), Bookings(database), Receipts(database),
        Accounts(database),
    )  # fmt: skip
