"""The steps after the write that ends an access: end what depends on it, then publish AccessRevoked. They can be
repeated: steps that a crash or a failed request left undone are done at the next start, or
PENDING_REVOCATIONS_INTERVAL_S later."""

from contextlib import AbstractAsyncContextManager
from functools import partial

from services.api.context import ApiContext
from services.api.store.pending_revocations import PendingRevocation, PendingRevocations
from shared.contracts.principal import API_KEY_SUBJECT_PREFIX, ROLE_SCOPES
from shared.platform.background import log_failure
from shared.platform.mongo import TRANSIENT_ERRORS
from shared.platform.periodic_tasks import periodic_task

PENDING_REVOCATIONS_INTERVAL_S = 30.0


async def after_role_change(context: ApiContext, user: PendingRevocation) -> None:
    """API keys that the user made are limited to the scopes of the new role; invitations are withdrawn if it may not
    invite."""
    context.callers.clear(user.organization_id)
    keys = await context.api_keys.descendants_of(user.organization_id, user.id)
    if user.role and "manage" not in ROLE_SCOPES[user.role]:
        await context.invitations.withdraw_all_by(user.organization_id, user.id, *_key_subjects(keys))
    await context.revocations.publish_role_changed(user, keys)


async def after_removal(context: ApiContext, user: PendingRevocation) -> None:
    """End the user's logins and devices, and the API keys and invitations that the user made."""
    context.callers.clear(user.organization_id)
    logins = await context.logins.end_all_of(user.organization_id, user.id)
    await context.devices.forget_all_of(user.id)
    keys = await context.api_keys.descendants_of(user.organization_id, user.id)
    await context.invitations.withdraw_all_by(user.organization_id, user.id, *_key_subjects(keys))
    await context.revocations.publish_user_removed(user, keys, logins)


async def after_revocation(context: ApiContext, key: PendingRevocation) -> None:
    """End keys and invitations that were made with the key."""
    context.callers.clear(key.organization_id)
    descendants = await context.api_keys.descendants_of(key.organization_id, API_KEY_SUBJECT_PREFIX + key.id)
    await context.invitations.withdraw_all_by(key.organization_id, *_key_subjects([key.id, *descendants]))
    await context.revocations.publish_key_revoked(key, descendants)


def pending_revocation_publisher(context: ApiContext) -> AbstractAsyncContextManager[None]:
    """Every PENDING_REVOCATIONS_INTERVAL_S until the block ends: also a request that failed between its steps leaves a
    pending revocation."""
    publish = partial(publish_pending_revocations, context)
    return periodic_task("pending revocations", publish, PENDING_REVOCATIONS_INTERVAL_S)


async def publish_pending_revocations(context: ApiContext) -> None:
    """Repeat the steps of every pending revocation that this process is not publishing already. Another replica may be
    doing the same: receiving AccessRevoked twice is harmless."""
    async for revocation in PendingRevocations(context.database).all():
        if context.revocations.is_publishing(revocation):
            continue
        try:
            await _repeat_steps(context, revocation)
        except TRANSIENT_ERRORS:
            raise
        except Exception as error:  # one that fails must not block the others
            log_failure("pending revocations", error)


async def _repeat_steps(context: ApiContext, revocation: PendingRevocation) -> None:
    if revocation.collection == "logins":
        await context.revocations.publish_login_ended(revocation)
    elif revocation.collection == "api_keys":
        await after_revocation(context, revocation)
    elif revocation.role is None:
        await after_removal(context, revocation)
    else:
        await after_role_change(context, revocation)


def _key_subjects(key_ids: list[str]) -> list[str]:
    return [API_KEY_SUBJECT_PREFIX + key_id for key_id in key_ids]
