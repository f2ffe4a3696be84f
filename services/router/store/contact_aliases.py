"""The addresses of contacts, by which a message or a receipt is found to be a person's."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from services.router.rules.stored_contact import StoredContact
from services.router.store.contact_documents import contacts_of
from shared.platform.mongo import Database, MongoQuery
from shared.platform.operation_batcher import OperationBatcher


class AliasQuery(NamedTuple):
    """Aliases, and ids of contacts, of which all aliases are wanted."""

    organization_id: str
    aliases: tuple[str, ...]
    contact_ids: tuple[str, ...] = ()


class AliasesFound(NamedTuple):
    """related: the aliases of the query, and all others of the contacts that have one of them. by_contact: of the
    contacts of the query."""

    related: list[str]
    by_contact: dict[str, list[str]]


class ContactAliases:
    def __init__(self, database: Database) -> None:
        self._contacts, self._load = contacts_of(database), OperationBatcher(self._load_all)

    async def related(self, organization_id: str, aliases: Iterable[str]) -> list[str]:
        """These aliases, and all others of the contacts that have one of them."""
        return (await self.find(AliasQuery(organization_id, tuple(aliases)))).related

    async def find(self, query: AliasQuery) -> AliasesFound:
        return await self._load(query)

    async def _load_all(self, queries: Sequence[AliasQuery]) -> list[AliasesFound]:
        either: list[MongoQuery] = []
        for query in queries:
            either.append({"organization_id": query.organization_id, "aliases": {"$in": list(query.aliases)}})
            if query.contact_ids:
                either.append({"organization_id": query.organization_id, "_id": {"$in": list(query.contact_ids)}})
        shown = {"organization_id": 1, "aliases": 1}
        contacts = await self._contacts.find(either[0] if len(either) == 1 else {"$or": either}, shown).to_list(None)
        return [_aliases_found(query, contacts) for query in queries]


def _aliases_found(query: AliasQuery, contacts: Sequence[StoredContact]) -> AliasesFound:
    own = [contact for contact in contacts if contact["organization_id"] == query.organization_id]
    related = [alias for one in own if not set(query.aliases).isdisjoint(one["aliases"]) for alias in one["aliases"]]
    by_contact = {contact["_id"]: contact["aliases"] for contact in own if contact["_id"] in query.contact_ids}
    return AliasesFound([*query.aliases, *related], by_contact)
