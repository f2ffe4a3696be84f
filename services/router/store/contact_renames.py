"""Names that users give contacts. Each update is conditional on the names as they were read."""

from dataclasses import replace

from services.router.rules.contact_names import Rename, rename_changes
from services.router.rules.stored_contact import ContactChanges, StoredContact
from services.router.store.contact_documents import contacts_of, if_unchanged, with_derived_fields
from services.router.store.recent_contacts import RecentContacts
from shared.contracts.commands import ExpectedName
from shared.contracts.errors import Retry
from shared.contracts.records import Contact
from shared.platform.documents import from_document
from shared.platform.mongo import Database

_MAX_ATTEMPTS = 5


class ContactRenames:
    def __init__(self, database: Database, recent: RecentContacts) -> None:
        self._contacts, self._recent = contacts_of(database), recent

    async def rename(
        self, organization_id: str, contact_id: str, rename: Rename, expected: ExpectedName | None
    ) -> tuple[Contact, bool] | None:
        """Returns the contact, and whether the command was carried out, now or before a redelivery: it is not when the
        contact has another name than `expected`. None when there is no such contact. Raises Retry while others change
        the contact again and again."""
        for _ in range(_MAX_ATTEMPTS):
            found = await self._contacts.find_one({"_id": contact_id, "organization_id": organization_id})
            if found is None:
                return None
            contact = from_document(Contact, found)
            if rename.id in found.get("renames", ()):
                return contact, True
            if expected is not None and expected.name != contact.name:
                return contact, False
            changes = rename_changes(found, replace(rename, is_checked=expected is not None))
            if after := await self._update(found, changes, rename):
                return from_document(Contact, after), True
        raise Retry("others changed the contact again and again")

    async def _update(self, found: StoredContact, changes: ContactChanges, rename: Rename) -> StoredContact | None:
        """The contact after it; None when it was changed meanwhile."""
        unchanged = {**if_unchanged(found), "naming": found.get("naming")}
        update = {"$set": with_derived_fields(found, changes), "$max": {"updated_at": rename.at}}
        after: StoredContact | None = await self._contacts.find_one_and_update(unchanged, update, return_document=True)
        self._recent.forget([found["_id"]])
        return after
