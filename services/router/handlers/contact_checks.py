"""Checks that a contact was neither merged nor split while a text to them was written."""

from services.router.context import RouterContext
from services.router.store.split_late_writes import ContactWrite
from shared.contracts.errors import Retry


async def require_current_contact(written: ContactWrite, context: RouterContext) -> None:
    """Raises Retry when what was written belongs to another contact by now."""
    if not await context.store.split_repair.is_current(written):
        context.store.recent_contacts.forget([written.contact_id])
        raise Retry("the contact was merged into another, or split, meanwhile")
