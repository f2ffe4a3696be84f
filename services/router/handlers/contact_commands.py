"""Commands of users about contacts: give a name, merge, split a wrong merge."""

from services.router.context import RouterContext
from services.router.handlers.rejections import rejecting_with_event
from services.router.rules.contact_names import Rename
from services.router.rules.merge_candidates import numbers_of_both
from shared.contracts.commands import MergeContacts, RenameContact, SplitContact
from shared.contracts.errors import Problem, Retry
from shared.contracts.events import BookingUpdated, ContactCreated, ContactUpdated
from shared.contracts.ids import derived_id
from shared.contracts.records import Contact


async def on_rename_contact(command: RenameContact, context: RouterContext) -> None:
    """Repeatable: a command that was carried out before changes nothing, and is answered in the same way."""
    async with rejecting_with_event(command, context):
        rename = Rename(command.id, command.at, command.name, command.by)
        result = await context.store.contact_renames.rename(
            command.organization_id, command.contact_id, rename, command.expected
        )
        if result is None:
            raise _unknown_contact()
        contact, is_done = result
        if not is_done:
            detail = "the contact has another name by now; look at it, and decide again"
            raise Problem(409, "contact_changed", detail, contact=contact.model_dump(mode="json"))
        await context.publish(
            ContactUpdated(
                id=derived_id(command.id, "renamed"),
                organization_id=command.organization_id,
                cause=command.id,
                contact=contact,
            )
        )


async def on_merge_contacts(command: MergeContacts, context: RouterContext) -> None:
    """Repeatable: a command that was carried out before changes nothing, though the contacts were split since."""
    async with rejecting_with_event(command, context):
        contacts, organization_id = context.store.contacts, command.organization_id
        contact = await contacts.by_id(organization_id, command.contact_id)
        other = await contacts.by_id(organization_id, command.other_id)
        if contact is None or not (other or command.other_id in await contacts.absorbed_by(command.contact_id)):
            raise _unknown_contact()
        if other is not None:
            _require_mergeable(contact, other, anyway=command.anyway)
        is_merged = await contacts.merge(contact, command.other_id, context.now(), command.id)
        merged = await contacts.by_id(organization_id, command.contact_id)
        if merged is None:
            raise Retry("the contact was merged into another meanwhile")
        cancelled = await context.store.bookings.cancelled_by(command.contact_id, command.id)
        await context.publish(
            ContactUpdated(
                id=derived_id(command.id, "merged"),
                organization_id=organization_id,
                cause=command.id,
                contact=merged,
                merged_ids=(command.other_id,) if is_merged else (),
            ),
            *(
                BookingUpdated(
                    id=derived_id(command.id, booking.id),
                    organization_id=organization_id,
                    instance_id=booking.instance_id,
                    cause=command.id,
                    booking=booking,
                )
                for booking in cancelled
            ),
        )


def _require_mergeable(contact: Contact, other: Contact, *, anyway: bool) -> None:
    if contact.id == other.id:
        raise Problem(422, "same_contact", "other_id: this is the contact itself; name another one")
    numbers = None if anyway else numbers_of_both(contact, other)
    if numbers is not None:
        detail = (
            "each of the two contacts has a phone number, and messages to the merged contact go to one of them: send "
            "`anyway` to merge them nevertheless"
        )
        raise Problem(409, "contacts_have_numbers", detail, phone_numbers=numbers)


def _unknown_contact() -> Problem:
    return Problem(404, "contact_not_found", "there is no such contact in this organization")


async def on_split_contact(command: SplitContact, context: RouterContext) -> None:
    """Repeatable: a contact that was split before is answered in the same way."""
    async with rejecting_with_event(command, context):
        contacts = context.store.contacts
        if await contacts.by_id(command.organization_id, command.contact_id) is None:
            raise _unknown_contact()
        await contacts.split(command.contact_id, command.merged_id, context.now(), command.id)
        stayed = await contacts.by_id(command.organization_id, command.contact_id)
        back = await contacts.by_id(command.organization_id, command.merged_id)
        if stayed is None or back is None:
            detail = "that contact was not merged into this one; GET /api/contacts/{id} shows its merges"
            raise Problem(409, "contact_not_merged", detail)
        await _move_late_writes(command, context)
        organization_id, cause = command.organization_id, command.id
        created = ContactCreated(
            id=derived_id(cause, "back"), organization_id=organization_id, cause=cause, contact=back
        )
        updated = ContactUpdated(
            id=derived_id(cause, "stayed"), organization_id=organization_id, cause=cause, contact=stayed
        )
        await context.publish(created, updated)


async def _move_late_writes(command: SplitContact, context: RouterContext) -> None:
    """Repair what handlers stored between the first read of the split's transaction and its commit: the transaction
    does not see it, and these handlers did not see the split when they checked for one."""
    partings = context.store.split_repair
    if command.merged_id in await partings.split_ids_of(command.contact_id):
        await partings.repair(command.contact_id, [command.merged_id], context.now(), command.id)
