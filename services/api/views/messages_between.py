"""Messages between two addresses: one of the organization's accounts and one of its contacts."""

from collections.abc import Iterable
from dataclasses import dataclass

from services.api.views.message_details import message_of
from services.api.views.pagination import organization_query
from shared.contracts.addresses import alias_of_address, lid_address
from shared.contracts.records import MessageRecord
from shared.platform.mongo import Database


@dataclass(frozen=True)
class MessagesBetweenFilter:
    """Two addresses in any order: phone digits, or `<digits>@lid`. `offset` counts from the newest message.

    `instance_ids`: only messages of these instances; None: of all instances of the organization.
    """

    first_address: str
    second_address: str
    limit: int
    offset: int = 0
    instance_ids: frozenset[str] | None = None


async def find_messages_between(
    database: Database, organization_id: str, filters: MessagesBetweenFilter
) -> tuple[list[MessageRecord], int | None]:
    """Messages without notes, oldest first, and the offset of the page before them; None when there are no earlier
    ones."""
    ids = await _conversations(database, organization_id, filters)
    query = {"organization_id": organization_id, "conversation_id": {"$in": ids}, "kind": "message"}
    newest_first = database.messages.find(query).sort([("order_key", -1), ("_id", -1)])
    documents = await newest_first.skip(filters.offset).limit(filters.limit + 1).to_list(None)
    page = [message_of(each) for each in documents[: filters.limit]]
    earlier_offset = filters.offset + filters.limit if len(documents) > filters.limit else None
    return page[::-1], earlier_offset


async def _conversations(database: Database, organization_id: str, filters: MessagesBetweenFilter) -> list[str]:
    """Ids of the conversations between an account with one address and a contact with the other."""
    accounts = await _accounts(database, organization_id)
    aliases = {alias_of_address(address): address for address in (filters.first_address, filters.second_address)}
    contacts_query = {"organization_id": organization_id, "aliases": {"$in": list(aliases)}}
    contacts = await database.contacts.find(contacts_query).to_list(None)
    opposite = {contact["_id"]: _opposite_addresses(contact["aliases"], aliases, filters) for contact in contacts}
    query = {**organization_query(organization_id, filters.instance_ids), "contact_id": {"$in": list(opposite)}}
    conversations = await database.conversations.find(query).to_list(None)
    return [
        each["_id"]
        for each in conversations
        if opposite[each["contact_id"]] & accounts.get(each["instance_id"], frozenset())
    ]


def _opposite_addresses(
    contact_aliases: Iterable[str], aliases: dict[str, str], filters: MessagesBetweenFilter
) -> frozenset[str]:
    """The addresses that the account must have when a contact with these aliases has one of the two."""
    first, second = filters.first_address, filters.second_address
    own_addresses = {aliases[alias] for alias in contact_aliases if alias in aliases}
    return frozenset(other for own, other in ((first, second), (second, first)) if own in own_addresses)


async def _accounts(database: Database, organization_id: str) -> dict[str, frozenset[str]]:
    """By instance id, deleted ones included: the configured number, and number and LID of the linked account."""
    query = {"organization_id": organization_id}
    documents = await database.instances.find(query, {"phone_number": 1}).to_list(None)
    documents += await database.connections.find(query, {"phone_number": 1, "lid": 1}).to_list(None)
    numbers: dict[str, frozenset[str]] = {}
    for each in documents:
        phone, lid = each.get("phone_number"), each.get("lid")
        addresses = ([phone] if phone else []) + ([lid_address(lid)] if lid else [])
        numbers[each["_id"]] = numbers.get(each["_id"], frozenset()).union(addresses)
    return numbers
