"""Checks that a contact was neither merged nor split while a message or send of theirs was written."""

import asyncio

from services.router.context import Context
from services.router.store.split_late_writes import Written
from shared.contracts.errors import Retry


async def require_still(written: Written, context: Context) -> None:
    """Raises Retry when what was written for a contact has to follow its address to another by now."""
    there, misplaced = await asyncio.gather(
        context.store.contacts.is_there(written.contact_id), context.store.partings.misplaced([written])
    )
    if not there or misplaced:
        raise Retry("the contact was merged into another, or split, meanwhile")
