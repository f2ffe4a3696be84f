"""Tell realtime whose access ended, so that open sockets end too. It is ended already: telling may wait for NATS."""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence

from services.api.store.pending_revocations import PENDING_REVOCATION_FIELD, PendingRevocation, PendingRevocations
from shared.contracts.events import AccessRevoked
from shared.contracts.principal import ROLE_SCOPES, Role
from shared.messaging.publisher import Publisher
from shared.platform.background import note_failure, run_once
from shared.platform.mongo import TRANSIENT_ERRORS, Document
from shared.platform.outages import is_outage

PUBLISH_RETRY_DELAY_S = 1.0
"""Seconds until NATS is asked again."""

log = logging.getLogger(__name__)


class AccessRevocations:
    """Publishes AccessEnded, again and again while NATS is away. When the process ends before NATS has taken the event,
    the mark stays on the document and the next start of an api publishes it (revocation_steps.py)."""

    def __init__(self, publish: Publisher, untold: PendingRevocations) -> None:
        self._publish, self._pending = publish, untold
        self._tasks: set[asyncio.Task[None]] = set()
        self._changes = Counter[str]()
        """How often the change of a mark is being told."""

    async def publish_login_ended(self, login: Document | None) -> None:
        """`login`: as it is now; None when there was none."""
        if login:
            reason, ended = "this login was ended; log in again and reconnect", (login["_id"],)
            event = AccessRevoked(
                organization_id=login["organization_id"], code="login_ended", reason=reason, login_ids=ended
            )
            await self._publish_all([event], PendingRevocation("logins", ended, login[PENDING_REVOCATION_FIELD]))

    async def publish_password_changed(self, organization_id: str, logins: PendingRevocation) -> None:
        """`logins`: those that ended with it."""
        if logins.ids:
            reason = "the password was changed; log in with the new one and reconnect"
            event = AccessRevoked(
                organization_id=organization_id, code="password_changed", reason=reason, login_ids=logins.ids
            )
            await self._publish_all([event], logins)

    async def publish_user_removed(self, user: Document, key_ids: Sequence[str], *marks: PendingRevocation) -> None:
        """`key_ids`: the keys that ended with the user, their maker."""
        reason, organization_id = "this user was removed from the organization; ask its owner", user["organization_id"]
        event = AccessRevoked(organization_id=organization_id, code="user_removed", reason=reason, holder=user["_id"])
        await self._publish_all([event, *_keys_of_ended_maker(organization_id, key_ids)], *marks)

    async def publish_role_changed(
        self, user: Document, role: Role, key_ids: Sequence[str], *marks: PendingRevocation
    ) -> None:
        """`key_ids`: the keys that go on with at most the scopes of the role of their maker."""
        organization_id, kept = user["organization_id"], tuple(sorted(ROLE_SCOPES[role]))
        reason = f"this user's role is {role} now; get a new token and reconnect"
        event = AccessRevoked(
            organization_id=organization_id, code="role_changed", reason=reason, holder=user["_id"], role=role
        )
        reason = "who made this API key has another role now, and the key may do at most the same; connect again"
        narrowed = [
            AccessRevoked(
                organization_id=organization_id, code="role_changed", reason=reason, holder=f"key:{key_id}", scopes=kept
            )
            for key_id in key_ids
        ]
        await self._publish_all([event, *narrowed], *marks)

    async def publish_key_revoked(
        self, organization_id: str, key_id: str, below: Sequence[str], *marks: PendingRevocation
    ) -> None:
        """`below`: the keys that were made with it, and so on."""
        reason = "the API key was revoked; use another one"
        event = AccessRevoked(
            organization_id=organization_id, code="api_key_revoked", reason=reason, holder=f"key:{key_id}"
        )
        await self._publish_all([event, *_keys_of_ended_maker(organization_id, below)], *marks)

    def is_publishing(self, mark: PendingRevocation) -> bool:
        """It waits for NATS here."""
        return self._changes[mark.change_id] > 0

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _publish_all(self, events: Sequence[AccessRevoked], *marks: PendingRevocation) -> None:
        changes = [mark.change_id for mark in marks]
        self._changes.update(changes)
        task = run_once("ended access", self._publish_until_stored(events, marks))
        self._tasks.add(task)

        def told(_: object) -> None:
            self._tasks.discard(task)
            self._changes.subtract(changes)
            self._changes += Counter()  # without those at 0

        task.add_done_callback(told)
        await asyncio.wait([task], timeout=PUBLISH_RETRY_DELAY_S)

    async def _publish_until_stored(self, events: Sequence[AccessRevoked], marks: Sequence[PendingRevocation]) -> None:
        await asyncio.gather(*map(self._publish_one_until_stored, events))
        try:
            for mark in marks:
                await self._pending.clear(mark)
        except TRANSIENT_ERRORS as error:
            log.warning("an ended access is told once more at the next start: %s", type(error).__name__)

    async def _publish_one_until_stored(self, event: AccessRevoked) -> None:
        while True:
            try:
                await self._publish(event)
                return
            except Exception as error:
                if is_outage(error):
                    log.warning("an ended access cannot be told yet: %s", type(error).__name__)
                else:
                    note_failure("ended access", error)
                await asyncio.sleep(PUBLISH_RETRY_DELAY_S)


def _keys_of_ended_maker(organization_id: str, key_ids: Sequence[str]) -> list[AccessRevoked]:
    """Of the keys whose maker was removed, or was itself a key that was revoked."""
    reason = "who made this API key was removed or revoked, and the key ended with its maker; use another one"
    return [
        AccessRevoked(organization_id=organization_id, code="api_key_revoked", reason=reason, holder=f"key:{key_id}")
        for key_id in key_ids
    ]
