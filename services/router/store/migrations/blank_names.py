"""Migration: contacts whose name shows no letter or digit have none, as those met from now on."""

from shared.platform.mongo import Database, Document, UpdateOne
from shared.text.text_match import has_letter_or_digit

MIGRATION_BATCH_SIZE = 500


async def remove_blank_names(database: Database) -> None:
    """Repeatable. A contact that gets another name meanwhile keeps it."""
    contacts = database["contacts"]
    updates: list[UpdateOne] = []
    async for found in contacts.find({"name": {"$type": "string"}}, {"name": 1}, batch_size=MIGRATION_BATCH_SIZE):
        if not has_letter_or_digit(found["name"]):
            removal: Document = {"$set": {"name": None, "named_at": None}}
            updates.append(UpdateOne({"_id": found["_id"], "name": found["name"]}, removal))
        if len(updates) == MIGRATION_BATCH_SIZE:
            await contacts.bulk_write(updates, ordered=False)
            updates = []
    if updates:
        await contacts.bulk_write(updates, ordered=False)
