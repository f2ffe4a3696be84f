"""The router's collections: it alone writes them."""

from dataclasses import dataclass

from services.router.store import (
    bookings,
    client_ids,
    contacts,
    conversations,
    early_receipts,
    messages,
    search_vocabulary,
)
from services.router.store.bookings import Bookings
from services.router.store.client_ids import ClientIdClaims
from services.router.store.contact_aliases import ContactAliases
from services.router.store.contact_documents import make_contacts_searchable
from services.router.store.contact_renames import ContactRenames
from services.router.store.contacts import Contacts
from services.router.store.conversations import Conversations
from services.router.store.early_arrivals import EarlyArrivals
from services.router.store.early_receipts import EarlyReceipts
from services.router.store.instance_directory import InstanceDirectory
from services.router.store.message_statuses import MessageStatuses
from services.router.store.messages import Messages
from services.router.store.migrations.blank_names import remove_blank_names
from services.router.store.migrations.order_keys import add_order_keys
from services.router.store.migrations.other_parties import add_other_parties
from services.router.store.migrations.searchable_texts import make_texts_searchable
from services.router.store.pending_sends import PendingSends
from services.router.store.receipt_targets import ReceiptTargets
from services.router.store.recent_contacts import RecentContacts
from services.router.store.revisions import Revisions
from services.router.store.search_vocabulary import SearchVocabulary
from services.router.store.send_cancellations import SendCancellations
from services.router.store.split_late_writes import SplitRepair
from shared.platform.migrations import MigrationStep, index_step, migrate
from shared.platform.mongo import Database

INDEXES = {
    "contacts": contacts.INDEXES,
    "conversations": conversations.INDEXES,
    "messages": messages.INDEXES,
    "bookings": bookings.INDEXES,
    "receipts": early_receipts.INDEXES,
    "send_claims": client_ids.INDEXES,
    "search_terms": search_vocabulary.INDEXES,
}
RETIRED = {
    "contacts": contacts.RETIRED,
    "bookings": bookings.RETIRED,
    "conversations": conversations.RETIRED,
    "messages": messages.RETIRED,
}
STEPS = (
    MigrationStep("other-parties", add_other_parties),
    MigrationStep("order-keys", add_order_keys),
    MigrationStep("blank-names", remove_blank_names),
    MigrationStep("searchable-contacts", make_contacts_searchable),
    index_step(INDEXES, RETIRED, after=("other-parties",)),
)
"""The indexes last: those of the earlier version help the other steps, and are dropped then."""
BACKGROUND_STEPS = (MigrationStep("search-terms", make_texts_searchable),)
"""What takes long, and what the service works without."""


@dataclass(frozen=True)
class RouterStore:
    contacts: Contacts
    contact_aliases: ContactAliases
    contact_renames: ContactRenames
    conversations: Conversations
    messages: Messages
    statuses: MessageStatuses
    pending_sends: PendingSends
    bookings: Bookings
    early_receipts: EarlyReceipts
    early_arrivals: EarlyArrivals
    receipt_targets: ReceiptTargets
    instances: InstanceDirectory
    split_repair: SplitRepair
    revisions: Revisions
    client_ids: ClientIdClaims
    send_cancellations: SendCancellations
    recent_contacts: RecentContacts


async def open_store(database: Database) -> RouterStore:
    """Migrates first; waits for MongoDB when it is still starting."""
    await migrate(database["router_migrations"], STEPS)
    words, statuses, recent = SearchVocabulary(database), MessageStatuses(database), RecentContacts()
    return RouterStore(
        Contacts(database, recent),
        ContactAliases(database),
        ContactRenames(database, recent),
        Conversations(database),
        Messages(database, words, statuses),
        statuses,
        PendingSends(database),
        Bookings(database, words, recent),
        EarlyReceipts(database),
        EarlyArrivals(database),
        ReceiptTargets(database),
        InstanceDirectory(database),
        SplitRepair(database, recent),
        Revisions(database, words),
        ClientIdClaims(database),
        SendCancellations(database),
        recent,
    )


async def migrate_in_background(database: Database) -> None:
    await migrate(database["router_migrations"], BACKGROUND_STEPS, name="background")
