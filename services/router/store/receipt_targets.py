"""Finds the sent messages that a receipt is about, with what is known of their recipients, in one round trip."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, cast

from services.router.rules.message_keys import may_be_same_person, stored_party
from services.router.rules.stored_contact import StoredContact
from services.router.rules.stored_message import StoredMessage
from services.router.store.message_wa_ids import one_of_wa_ids
from shared.contracts.records import MessageRecord
from shared.platform.documents import from_document
from shared.platform.mongo import Database, MongoQuery, collection_of
from shared.platform.operation_batcher import OperationBatcher

_ALIASES = {"$project": {"organization_id": 1, "aliases": 1}}


class ReceiptQuery(NamedTuple):
    """`sender`: aliases of who sent the receipt; empty when that is not known."""

    organization_id: str
    instance_id: str
    wa_ids: tuple[str, ...]
    sender: tuple[str, ...]


class _Found(StoredMessage):
    """`contact`: the recipient, when it is a contact."""

    contact: list[StoredContact]


class ReceiptTargets:
    def __init__(self, database: Database) -> None:
        self._messages = collection_of(database, "messages", StoredMessage)
        self._find = OperationBatcher(self._find_all)

    async def find(self, query: ReceiptQuery) -> list[MessageRecord]:
        """Sent messages with these ids that may have been sent to `sender`: an id is unique in one chat only. In a
        group every member sends receipts."""
        return await self._find(query)

    async def _find_all(self, queries: Sequence[ReceiptQuery]) -> list[list[MessageRecord]]:
        contacts = {"from": "contacts", "localField": "contact_id", "foreignField": "_id", "pipeline": [_ALIASES]}
        steps: list[MongoQuery] = [
            {"$match": {"$or": [_messages_named(query) for query in queries]}},
            {"$lookup": {**contacts, "as": "contact"}},
        ]
        if either := [_contacts_of_sender(query) for query in queries if query.sender]:
            steps.append({"$unionWith": {"coll": "contacts", "pipeline": [{"$match": {"$or": either}}, _ALIASES]}})
        found = await self._messages.aggregate(steps).to_list(None)
        messages = cast("list[_Found]", [item for item in found if "direction" in item])
        senders = cast("list[StoredContact]", [item for item in found if "direction" not in item])
        return [_matching(query, messages, senders) for query in queries]


def _messages_named(query: ReceiptQuery) -> MongoQuery:
    return {"instance_id": query.instance_id, "wa_id": one_of_wa_ids(query.wa_ids), "direction": "outbound"}


def _contacts_of_sender(query: ReceiptQuery) -> MongoQuery:
    return {"organization_id": query.organization_id, "aliases": {"$in": list(query.sender)}}


def _matching(
    query: ReceiptQuery, messages: Iterable[_Found], contacts: Iterable[StoredContact]
) -> list[MessageRecord]:
    related = list(query.sender)
    for contact in contacts:
        if contact["organization_id"] == query.organization_id and not set(query.sender).isdisjoint(contact["aliases"]):
            related += contact["aliases"]
    return [
        from_document(MessageRecord, message)
        for message in messages
        if message["organization_id"] == query.organization_id
        and message["instance_id"] == query.instance_id
        and message.get("wa_id") in query.wa_ids
        and _may_be_to(message, query.sender, related)
    ]


def _may_be_to(message: _Found, sender: Sequence[str], related: Iterable[str]) -> bool:
    """`related`: the aliases of the sender, and all others of contacts that have one of them."""
    recipient = stored_party(message)
    if not sender or message.get("group") or not set(recipient).isdisjoint(sender):
        return True
    known = [alias for contact in message["contact"] for alias in contact["aliases"]]
    return may_be_same_person([*recipient, *known], related)
