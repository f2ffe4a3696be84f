"""Statuses and WhatsApp ids of sent messages. A status only moves forward; concurrent changes share a round trip."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.router.rules.message_keys import stored_party
from services.router.rules.status_order import statuses_before
from services.router.rules.stored_message import StoredMessage, StoredStatusStep
from services.router.store.message_wa_ids import one_of_wa_ids
from shared.contracts.records import MessageRecord, MessageStatus
from shared.platform.documents import from_document
from shared.platform.mongo import Database, DuplicateKeyError, MongoQuery, MongoUpdate, UpdateOne, collection_of
from shared.platform.operation_batcher import OperationBatcher, write_results


@dataclass(frozen=True)
class StatusStep:
    """A message reached this status at this time. `error`: why it failed."""

    message_id: str
    status: MessageStatus
    at: datetime
    error: str | None = None


@dataclass(frozen=True)
class Acceptance:
    """WhatsApp accepted a message of the organization, under its own id."""

    organization_id: str
    message_id: str
    wa_id: str
    at: datetime


@dataclass(frozen=True)
class ReceiptStep:
    """A person with one of these aliases reported the status of a message that was sent to them.

    `other_party` of the message, which is what it was sent to, may name the person by another alias.
    """

    organization_id: str
    instance_id: str
    wa_id: str
    sender: tuple[str, ...]
    status: MessageStatus
    at: datetime


class MessageStatuses:
    def __init__(self, database: Database) -> None:
        self._messages = collection_of(database, "messages", StoredMessage)
        self._advance, self._accept = OperationBatcher(self._advance_all), OperationBatcher(self._accept_all)
        self._advance_by_receipt = OperationBatcher(self._advance_lone_receipt)

    async def advance(self, step: StatusStep) -> MessageRecord | None:
        """Move the status forward; a status that is no step forward changes nothing. Returns the message as it is now,
        None when there is none."""
        return await self._advance(step)

    async def advance_by_receipt(self, receipt: ReceiptStep) -> MessageRecord | None:
        """Move the status forward in one round trip, when no other receipt is handled at this moment. None: nothing was
        changed, for this or another reason; find the message first, and `advance` it."""
        return await self._advance_by_receipt(receipt)

    async def accept(self, acceptance: Acceptance) -> MessageRecord | None:
        """Set the WhatsApp id, and move the status to `sent`. Returns the message as it is now, None when the
        organization has no such message."""
        return await self._accept(acceptance)

    async def guess_wa_id(self, message_id: str, wa_id: str) -> MessageRecord | None:
        """A receipt suggests that this unconfirmed message has this id: true until another turns out to have it.
        None when it is not unconfirmed any more, or the id is another's."""
        guess = {"$set": {"wa_id": wa_id, "recognised": True}}
        hidden = {"_id": message_id, "wa_id": None, "status": MessageStatus.UNCONFIRMED.value}
        try:
            found = await self._messages.find_one_and_update(hidden, guess, return_document=True)
        except DuplicateKeyError:
            return None
        return from_document(MessageRecord, found) if found else None

    async def revoke_guess(self, instance_id: str, wa_id: str | None, other_party: Iterable[str]) -> bool:
        """Take back a wrong guess: the message is unconfirmed again."""
        guessed: MongoQuery = {"instance_id": instance_id, "direction": "outbound", "recognised": True}
        guessed["wa_id"] = one_of_wa_ids([wa_id] if wa_id else [])
        guessed["other_party"] = {"$in": list(other_party)}
        back = {"$set": {"wa_id": None, "status": MessageStatus.UNCONFIRMED.value}, "$unset": {"recognised": True}}
        return (await self._messages.update_one(guessed, back)).modified_count == 1

    async def _advance_all(self, steps: Sequence[StatusStep]) -> list[MessageRecord | Exception | None]:
        updates = [_step_update({"_id": step.message_id}, step.status, step.at, step.error) for step in steps]
        if len(steps) == 1:
            found = await self._messages.find_one_and_update(*updates[0], return_document=True)
            return [from_document(MessageRecord, found)] if found else await self._now([steps[0].message_id])
        return await self._update([step.message_id for step in steps], updates)

    async def _advance_lone_receipt(self, receipts: Sequence[ReceiptStep]) -> list[MessageRecord | Exception | None]:
        if len(receipts) > 1:
            return [None] * len(receipts)
        receipt = receipts[0]
        message: MongoQuery = {
            "instance_id": receipt.instance_id,
            "wa_id": one_of_wa_ids([receipt.wa_id]),
            "direction": "outbound",
            "group": None,
            "other_party": {"$in": list(receipt.sender)},
            "organization_id": receipt.organization_id,
        }
        update = _step_update(message, receipt.status, receipt.at)
        found = await self._messages.find_one_and_update(*update, return_document=True)
        return [from_document(MessageRecord, found) if found else None]

    async def _accept_all(self, acceptances: Sequence[Acceptance]) -> list[MessageRecord | Exception | None]:
        updates = [_acceptance_update(one) for one in acceptances]
        if len(acceptances) == 1:
            return [await self._accept_one(acceptances[0], *updates[0])]
        results = await self._update([one.message_id for one in acceptances], updates)
        for place, (one, result) in enumerate(zip(acceptances, results, strict=True)):
            if isinstance(result, DuplicateKeyError):
                results[place] = await self._accept_one(one, *updates[place])
            elif isinstance(result, MessageRecord) and result.organization_id != one.organization_id:
                results[place] = None
        return results

    async def _accept_one(
        self, one: Acceptance, query: MongoQuery, change: list[MongoUpdate]
    ) -> MessageRecord | Exception | None:
        """A message for which the id was only guessed gives it back."""
        try:
            found = await self._messages.find_one_and_update(query, change, return_document=True)
        except DuplicateKeyError as error:
            message = await self._messages.find_one(query)
            if not message or not await self.revoke_guess(message["instance_id"], one.wa_id, stored_party(message)):
                return error
            found = await self._messages.find_one_and_update(query, change, return_document=True)
        return from_document(MessageRecord, found) if found else None

    async def _update(
        self, message_ids: Sequence[str], updates: Sequence[tuple[MongoQuery, MongoUpdate | list[MongoUpdate]]]
    ) -> list[MessageRecord | Exception | None]:
        """The messages as they are afterwards. Steps of one message are made one after the other, each with its own
        result, so that every status it reaches is published."""
        results: dict[int, MessageRecord | Exception | None] = {}
        remaining = list(range(len(updates)))
        while remaining:
            places = list({message_ids[place]: place for place in reversed(remaining)}.values())[::-1]
            remaining = [place for place in remaining if place not in places]
            writes = [UpdateOne(*updates[place]) for place in places]
            errors = await write_results(self._messages.bulk_write(writes, ordered=False), len(writes))
            now = await self._now([message_ids[place] for place in places])
            for place, error, message in zip(places, errors, now, strict=True):
                results[place] = error or message
        return [results[place] for place in range(len(updates))]

    async def _now(self, ids: Sequence[str]) -> list[MessageRecord | Exception | None]:
        found = {item["_id"]: item async for item in self._messages.find({"_id": {"$in": list(ids)}})}
        return [from_document(MessageRecord, found[i]) if i in found else None for i in ids]


def _step_update(
    message: MongoQuery, status: MessageStatus, at: datetime, error: str | None = None
) -> tuple[MongoQuery, MongoUpdate]:
    """`message`: which one it is."""
    query = message | {"status": {"$in": [one.value for one in statuses_before(status)]}}
    return query, {
        "$set": {"status": status.value, "error": error},
        "$push": {"history": _history_entry(status, at, error)},
        "$unset": {"stuck_since": True},
    }


def _acceptance_update(one: Acceptance) -> tuple[MongoQuery, list[MongoUpdate]]:
    """The id is set in any case, the status only when `sent` is a step forward."""
    advances = {"$in": ["$status", [before.value for before in statuses_before(MessageStatus.SENT)]]}
    entry = {"$literal": _history_entry(MessageStatus.SENT, one.at)}
    history = {"$concatArrays": [{"$ifNull": ["$history", []]}, [entry]]}
    fields = {"status": MessageStatus.SENT.value, "error": None, "history": history, "stuck_since": "$$REMOVE"}
    set_status = {name: {"$cond": [advances, value, f"${name}"]} for name, value in fields.items()}
    query = {"_id": one.message_id, "organization_id": one.organization_id}
    return query, [{"$set": {"wa_id": one.wa_id, "recognised": "$$REMOVE", **set_status}}]


def _history_entry(status: MessageStatus, at: datetime, error: str | None = None) -> StoredStatusStep:
    entry = StoredStatusStep(status=status, at=at)
    if error:
        entry["error"] = error
    return entry
