"""The addresses of contacts, by which a message is found to be a person's."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from services.router.store.contact_documents import contacts_of
from shared.platform.mongo import Database
from shared.platform.operation_batcher import OperationBatcher


class _AliasQuery(NamedTuple):
    organization_id: str
    aliases: tuple[str, ...]


class ContactAliases:
    def __init__(self, database: Database) -> None:
        self._contacts, self._load = contacts_of(database), OperationBatcher(self._load_all)

    async def related(self, organization_id: str, aliases: Iterable[str]) -> list[str]:
        """These aliases, and all others of the contacts that have one of them."""
        return await self._load(_AliasQuery(organization_id, tuple(aliases)))

    async def _load_all(self, queries: Sequence[_AliasQuery]) -> list[list[str]]:
        either = [{"organization_id": one.organization_id, "aliases": {"$in": list(one.aliases)}} for one in queries]
        shown = {"organization_id": 1, "aliases": 1}
        contacts = await self._contacts.find(either[0] if len(either) == 1 else {"$or": either}, shown).to_list(None)
        return [
            [
                *query.aliases,
                *(
                    alias
                    for contact in contacts
                    if contact["organization_id"] == query.organization_id
                    and not set(query.aliases).isdisjoint(contact["aliases"])
                    for alias in contact["aliases"]
                ),
            ]
            for query in queries
        ]
