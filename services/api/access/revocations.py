"""Publishes AccessRevoked, so that realtime closes open sockets. The revocation itself is already stored."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence

from services.api.access.caller_cache import CallerCache
from services.api.store.pending_revocations import PendingRevocation, PendingRevocations
from shared.contracts.events import AccessRevoked
from shared.contracts.principal import API_KEY_SUBJECT_PREFIX, ROLE_SCOPES
from shared.messaging.publisher import Publisher
from shared.platform.background import log_failure, run_once
from shared.platform.mongo import TRANSIENT_ERRORS
from shared.platform.outages import is_outage

PUBLISH_RETRY_DELAY_S = 1.0

log = logging.getLogger(__name__)


class AccessRevocations:
    """Publishes AccessRevoked, and retries while NATS is unreachable. When the process ends before NATS has stored the
    event, the pending revocation stays in MongoDB, and the next start of an api publishes it (revocation_steps.py)."""

    def __init__(self, publish: Publisher, pending: PendingRevocations, callers: CallerCache) -> None:
        self._publish = publish
        self._pending = pending
        self._callers = callers
        self._tasks: set[asyncio.Task[None]] = set()
        self._changes = Counter[str]()
        """By change id: how many tasks are publishing it."""

    async def publish_login_ended(self, login: PendingRevocation | None) -> None:
        """`login`: None if there was none."""
        if login:
            reason = "this login was ended; log in again and reconnect"
            event = AccessRevoked(
                organization_id=login.organization_id, code="login_ended", reason=reason, login_ids=login.ids
            )
            await self._publish_all([event], login)

    async def publish_password_changed(self, logins: PendingRevocation) -> None:
        """`logins`: those that were ended by the change."""
        if logins.ids:
            reason = "the password was changed; log in with the new one and reconnect"
            event = AccessRevoked(
                organization_id=logins.organization_id, code="password_changed", reason=reason, login_ids=logins.ids
            )
            await self._publish_all([event], logins)

    async def publish_user_removed(
        self, user: PendingRevocation, key_ids: Sequence[str], logins: PendingRevocation
    ) -> None:
        """`key_ids`: API keys that ended because the user had made them. `logins`: those that ended."""
        reason, organization_id = "this user was removed from the organization; ask its owner", user.organization_id
        event = AccessRevoked(organization_id=organization_id, code="user_removed", reason=reason, holder=user.id)
        await self._publish_all([event, *_keys_of_ended_maker(organization_id, key_ids)], user, logins)

    async def publish_role_changed(self, user: PendingRevocation, key_ids: Sequence[str]) -> None:
        """`key_ids`: API keys that the user made, from now on limited to the scopes of the new role."""
        assert user.role is not None
        organization_id, scopes = user.organization_id, tuple(sorted(ROLE_SCOPES[user.role]))
        reason = f"this user's role is {user.role} now; get a new token and reconnect"
        event = AccessRevoked(
            organization_id=organization_id, code="role_changed", reason=reason, holder=user.id, role=user.role
        )
        reason = "who made this API key has another role now, and the key may do at most the same; connect again"
        key_events = [
            AccessRevoked(
                organization_id=organization_id,
                code="role_changed",
                reason=reason,
                holder=f"{API_KEY_SUBJECT_PREFIX}{key_id}",
                scopes=scopes,
            )
            for key_id in key_ids
        ]
        await self._publish_all([event, *key_events], user)

    async def publish_key_revoked(self, key: PendingRevocation, descendants: Sequence[str]) -> None:
        """`descendants`: keys that were made with this key, directly or indirectly."""
        reason, organization_id = "the API key was revoked; use another one", key.organization_id
        event = AccessRevoked(
            organization_id=organization_id,
            code="api_key_revoked",
            reason=reason,
            holder=f"{API_KEY_SUBJECT_PREFIX}{key.id}",
        )
        await self._publish_all([event, *_keys_of_ended_maker(organization_id, descendants)], key)

    def is_publishing(self, revocation: PendingRevocation) -> bool:
        """Whether a task of this process is publishing it."""
        return self._changes[revocation.change_id] > 0

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _publish_all(self, events: Sequence[AccessRevoked], *revocations: PendingRevocation) -> None:
        for event in events:
            self._callers.clear(event.organization_id)
        changes = [revocation.change_id for revocation in revocations]
        self._changes.update(changes)
        task = run_once("access revocation", self._publish_until_stored(events, revocations))
        self._tasks.add(task)

        def on_done(_: object) -> None:
            self._tasks.discard(task)
            self._changes.subtract(changes)
            self._changes += Counter()  # without those at 0

        task.add_done_callback(on_done)
        await asyncio.wait([task], timeout=PUBLISH_RETRY_DELAY_S)

    async def _publish_until_stored(
        self, events: Sequence[AccessRevoked], revocations: Sequence[PendingRevocation]
    ) -> None:
        await asyncio.gather(*map(self._publish_one_until_stored, events))
        try:
            for revocation in revocations:
                await self._pending.clear(revocation)
        except TRANSIENT_ERRORS as error:
            log.warning("a published revocation stays pending and is published again: %s", type(error).__name__)

    async def _publish_one_until_stored(self, event: AccessRevoked) -> None:
        while (
            True
        ):  # not `retry_during_outage`: after a fault it is published again as well, or a socket would stay open
            try:
                await self._publish(event)
                return
            except Exception as error:
                if is_outage(error):
                    log.warning("AccessRevoked cannot be published yet: %s", type(error).__name__)
                else:
                    log_failure("access revocation", error)
                await asyncio.sleep(PUBLISH_RETRY_DELAY_S)


def _keys_of_ended_maker(organization_id: str, key_ids: Sequence[str]) -> list[AccessRevoked]:
    """For keys whose maker was removed, or was itself a key that was revoked."""
    reason = "who made this API key was removed or revoked, and the key ended with its maker; use another one"
    return [
        AccessRevoked(
            organization_id=organization_id,
            code="api_key_revoked",
            reason=reason,
            holder=f"{API_KEY_SUBJECT_PREFIX}{key_id}",
        )
        for key_id in key_ids
    ]
