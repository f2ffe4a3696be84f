"""A number goes from the contact that had it to whoever has it now, in one transaction."""

from collections.abc import Mapping
from typing import Any

from services.router.rules.contact_identity import Sighting, changes
from services.router.rules.recycled_numbers import without_number
from services.router.store.contact_documents import changed_fields, learned
from shared.platform.mongo import Database, Document, in_transaction


async def hand_over(
    database: Database, seen: Sighting, former: Mapping[str, Any], new: Document | None, holder_id: str
) -> None:
    """`new`: the document of the contact that has the number now when it is a new one. Nothing happens when others
    changed the former holder meanwhile; repeatable."""
    phone = str(seen.party.phone)
    taken = {"id": former["_id"], "by": seen.cause, "at": seen.at, "number": phone}

    async def work(session: Any) -> None:
        contacts = database["contacts"]
        before = await contacts.find_one({"_id": former["_id"], "aliases": f"phone:{phone}"}, session=session)
        if before is None:
            return
        left = {**changed_fields(before, without_number(before, phone)), "updated_by": seen.cause}
        await contacts.update_one(
            {"_id": before["_id"]}, {"$set": left, "$max": {"updated_at": seen.at}}, session=session
        )
        if new is not None:
            await contacts.insert_one({**new, "taken": [taken]}, session=session)
            return
        holder = await contacts.find_one({"_id": holder_id}, session=session)
        if holder is None:  # merged into another just now: the transaction is given up
            raise LookupError(holder_id)
        change = {**learned(holder, changes(holder, seen), seen), "$push": {"taken": taken}}
        await contacts.update_one({"_id": holder_id}, change, session=session)

    try:
        await in_transaction(database, work)
    except LookupError:
        return
