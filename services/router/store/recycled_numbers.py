"""Moves a recycled number from the contact that had it to the contact that has it now, in one transaction."""

from services.router.rules.contact_identity import ContactObservation, contact_changes
from services.router.rules.recycled_numbers import without_number
from services.router.rules.stored_contact import StoredContact, TakenNumber
from services.router.store.contact_documents import contacts_of, observation_update, with_derived_fields
from shared.contracts.addresses import phone_alias
from shared.platform.mongo import ClientSession, Database, in_transaction


async def transfer_number(
    database: Database,
    observation: ContactObservation,
    former: StoredContact,
    new: StoredContact | None,
    holder_id: str,
) -> None:
    """`new`: the document of the contact that has the number now when it is a new one. Nothing happens when others
    changed the former holder meanwhile; repeatable."""
    phone = str(observation.party.phone)
    taken: TakenNumber = {"id": former["_id"], "by": observation.cause, "at": observation.at, "number": phone}

    async def work(session: ClientSession) -> None:
        contacts = contacts_of(database)
        before = await contacts.find_one({"_id": former["_id"], "aliases": phone_alias(phone)}, session=session)
        if before is None:
            return
        left = {**with_derived_fields(before, without_number(before, phone)), "updated_by": observation.cause}
        await contacts.update_one(
            {"_id": before["_id"]}, {"$set": left, "$max": {"updated_at": observation.at}}, session=session
        )
        if new is not None:
            await contacts.insert_one({**new, "taken": [taken]}, session=session)
            return
        holder = await contacts.find_one({"_id": holder_id}, session=session)
        if holder is None:  # merged into another just now: the transaction is given up
            raise LookupError(holder_id)
        change = {
            **observation_update(holder, contact_changes(holder, observation), observation),
            "$push": {"taken": taken},
        }
        await contacts.update_one({"_id": holder_id}, change, session=session)

    try:
        await in_transaction(database, work)
    except LookupError:
        return
