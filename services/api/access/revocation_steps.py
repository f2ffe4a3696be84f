"""What follows when access ends, after the write that ends it. Repeatable: what a process that died left undone is done
at the next start, and what a request that failed left undone half a minute later."""

import asyncio
import logging

from services.api.context import ApiContext
from services.api.store.api_keys import KEY_SUBJECT
from services.api.store.members import role_of
from services.api.store.pending_revocations import PendingRevocation, PendingRevocations
from shared.contracts.principal import ROLE_SCOPES, Role
from shared.platform.background import note_failure
from shared.platform.mongo import TRANSIENT_ERRORS, Document

PENDING_REVOCATIONS_INTERVAL_S = 30.0
log = logging.getLogger(__name__)


async def after_role_change(context: ApiContext, user: Document, role: Role, mark: PendingRevocation) -> None:
    """What the user made goes on within the new role: keys with its scopes, invitations only from who may invite."""
    organization_id, user_id = user["organization_id"], user["_id"]
    keys = await context.api_keys.descendants_of(organization_id, user_id)
    if "manage" not in ROLE_SCOPES[role]:
        await context.invitations.withdraw_all_by(organization_id, user_id, *_key_subjects(keys))
    await context.revocations.publish_role_changed(user, role, keys, mark)


async def after_removal(context: ApiContext, user: Document, mark: PendingRevocation) -> None:
    """The user's logins, and the API keys and invitations the user made, open nothing."""
    organization_id, user_id = user["organization_id"], user["_id"]
    logins = await context.logins.end_all_of(user_id)
    await context.devices.forget_all_of(user_id)
    keys = await context.api_keys.descendants_of(organization_id, user_id)
    await context.invitations.withdraw_all_by(organization_id, user_id, *_key_subjects(keys))
    await context.revocations.publish_user_removed(user, keys, mark, logins)


async def after_revocation(context: ApiContext, organization_id: str, key_id: str, mark: PendingRevocation) -> None:
    """Keys and invitations that were made with the key open nothing."""
    below = await context.api_keys.descendants_of(organization_id, KEY_SUBJECT + key_id)
    await context.invitations.withdraw_all_by(organization_id, *_key_subjects([key_id, *below]))
    await context.revocations.publish_key_revoked(organization_id, key_id, below, mark)


async def keep_publishing_pending_revocations(context: ApiContext) -> None:
    """Again and again: a request that failed between its steps leaves its mark as a process that died does."""
    while True:
        try:
            await publish_pending_revocations(context)
        except TRANSIENT_ERRORS as error:
            log.warning("ended accesses cannot be looked for yet: %s", type(error).__name__)
        await asyncio.sleep(PENDING_REVOCATIONS_INTERVAL_S)


async def publish_pending_revocations(context: ApiContext) -> None:
    """Of an earlier process, or of a request that failed. Another replica may be telling the same just now: hearing it
    twice changes nothing."""
    async for mark, found in PendingRevocations(context.database).all():
        if context.revocations.is_publishing(mark):
            continue
        try:
            await _tell(context, mark, found)
        except TRANSIENT_ERRORS:
            raise
        except Exception as error:  # one that cannot be told holds up no other
            note_failure("untold endings", error)


async def _tell(context: ApiContext, mark: PendingRevocation, found: Document) -> None:
    if mark.collection == "logins":
        await context.revocations.publish_login_ended(found)
    elif mark.collection == "api_keys":
        await after_revocation(context, found["organization_id"], found["_id"], mark)
    elif found.get("removed_at"):
        await after_removal(context, found, mark)
    else:
        await after_role_change(context, found, role_of(found), mark)


def _key_subjects(key_ids: list[str]) -> list[str]:
    return [KEY_SUBJECT + key_id for key_id in key_ids]
