"""What two numbers said to each other: one of the organization's accounts and one of its contacts."""

from dataclasses import dataclass

from services.api.views.pagination import organization_query
from shared.contracts.records import MessageRecord
from shared.platform.mongo import Database, Document


@dataclass(frozen=True)
class MessagesBetweenFilter:
    """Two addresses in any order: phone digits, or `<digits>@lid`. `offset` counts from the newest message.

    `instance_ids`: only what these instances saw; None: all of the organization's.
    """

    first_address: str
    second_address: str
    limit: int
    offset: int = 0
    instance_ids: frozenset[str] | None = None


async def find_messages_between(
    database: Database, organization_id: str, wanted: MessagesBetweenFilter
) -> tuple[list[MessageRecord], int | None]:
    """Messages without notes, oldest first, and the offset of the page before them; None when these are the first."""
    ids = await _conversations(database, organization_id, wanted)
    query = {"organization_id": organization_id, "conversation_id": {"$in": ids}, "kind": "message"}
    newest_first = database.messages.find(query).sort([("order_key", -1), ("_id", -1)])
    found = await newest_first.skip(wanted.offset).limit(wanted.limit + 1).to_list(None)
    page = [MessageRecord.model_validate({**document, "id": document["_id"]}) for document in found[: wanted.limit]]
    earlier = wanted.offset + wanted.limit if len(found) > wanted.limit else None
    return page[::-1], earlier


async def _conversations(database: Database, organization_id: str, wanted: MessagesBetweenFilter) -> list[str]:
    """Ids of the conversations that an account of one address has with the contact of the other."""
    accounts = await _accounts(database, organization_id)
    aliases = {_alias(address): address for address in (wanted.first_address, wanted.second_address)}
    people = await database.contacts.find(
        {"organization_id": organization_id, "aliases": {"$in": list(aliases)}}
    ).to_list(None)
    theirs = {person["_id"]: _opposite(person, aliases, wanted) for person in people}
    found = await database.conversations.find(
        {**organization_query(organization_id, wanted.instance_ids), "contact_id": {"$in": list(theirs)}}
    ).to_list(None)
    return [
        each["_id"] for each in found if theirs[each["contact_id"]] & accounts.get(each["instance_id"], frozenset())
    ]


def _opposite(person: Document, aliases: dict[str, str], wanted: MessagesBetweenFilter) -> frozenset[str]:
    """The addresses that are on the other side when this contact is one of the two."""
    theirs = {aliases[alias] for alias in person["aliases"] if alias in aliases}
    return frozenset(
        other
        for mine, other in (
            (wanted.first_address, wanted.second_address),
            (wanted.second_address, wanted.first_address),
        )
        if mine in theirs
    )


async def _accounts(database: Database, organization_id: str) -> dict[str, frozenset[str]]:
    """Instance id → its numbers: as configured, and as WhatsApp knows the linked account. Deleted ones too."""
    mine = {"organization_id": organization_id}
    known = await database.instances.find(mine, {"phone_number": 1}).to_list(None)
    known += await database.connections.find(mine, {"phone_number": 1, "lid": 1}).to_list(None)
    numbers: dict[str, frozenset[str]] = {}
    for each in known:
        number, hidden = each.get("phone_number"), each.get("lid")
        addresses = ([number] if number else []) + ([f"{hidden}@lid"] if hidden else [])
        numbers[each["_id"]] = numbers.get(each["_id"], frozenset()).union(addresses)
    return numbers


def _alias(address: str) -> str:
    user, _, hidden = address.partition("@")
    return f"lid:{user}" if hidden else f"phone:{user}"
