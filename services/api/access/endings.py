"""Tell realtime whose access ended, so that open sockets end too. It is ended already: telling may wait for NATS."""

import asyncio
import logging
from collections.abc import Sequence

from nats.errors import Error as NatsError

from shared.auth import Role, Scope
from shared.delivery import Publisher
from shared.events import AccessEnded
from shared.mongo import Document
from shared.tasks import run_once

AGAIN = 1.0
"""Seconds until NATS is asked again."""

log = logging.getLogger(__name__)


class Endings:
    """What cannot be told at once is told as soon as NATS is back, while this process lives."""

    def __init__(self, publish: Publisher) -> None:
        self._publish = publish
        self._telling: set[asyncio.Task[None]] = set()

    async def logged_out(self, login: Document | None) -> None:
        """`login`: as it was; None when there was none."""
        if login:
            reason, ended = "this login was ended; log in again and reconnect", (login["_id"],)
            owner = login["organization_id"]
            await self._tell(AccessEnded(organization_id=owner, code="login_ended", reason=reason, login_ids=ended))

    async def password_changed(self, organization_id: str, login_ids: Sequence[str]) -> None:
        """`login_ids`: the logins that ended with it."""
        if login_ids:
            reason = "the password was changed; log in with the new one and reconnect"
            await self._tell(
                AccessEnded(
                    organization_id=organization_id, code="password_changed", reason=reason, login_ids=tuple(login_ids)
                )
            )

    async def removed(self, organization_id: str, user_id: str) -> None:
        reason = "this user was removed from the organization; ask its owner"
        await self._tell(
            AccessEnded(organization_id=organization_id, code="user_removed", reason=reason, holder=user_id)
        )

    async def role_changed(self, organization_id: str, user_id: str, role: Role) -> None:
        reason = f"this user's role is {role} now; get a new token and reconnect"
        await self._tell(
            AccessEnded(organization_id=organization_id, code="role_changed", reason=reason, holder=user_id, role=role)
        )

    async def revoked(self, organization_id: str, key_id: str) -> None:
        reason = "the API key was revoked; use another one"
        await self._tell(
            AccessEnded(organization_id=organization_id, code="api_key_revoked", reason=reason, holder=f"key:{key_id}")
        )

    async def maker_removed(self, organization_id: str, key_ids: Sequence[str]) -> None:
        """The keys whose maker was removed, or was itself a key that was revoked."""
        reason = "who made this API key was removed or revoked, and the key ended with its maker; use another one"
        holders = [f"key:{key_id}" for key_id in key_ids]
        await self._tell(
            *(
                AccessEnded(organization_id=organization_id, code="api_key_revoked", reason=reason, holder=holder)
                for holder in holders
            )
        )

    async def maker_changed(self, organization_id: str, key_ids: Sequence[str], scopes: frozenset[Scope]) -> None:
        """The keys whose maker has another role now: they go on with at most `scopes`."""
        reason = "who made this API key has another role now, and the key may do at most the same; connect again"
        narrowed, kept = [f"key:{key_id}" for key_id in key_ids], tuple(sorted(scopes))
        await self._tell(
            *(
                AccessEnded(
                    organization_id=organization_id, code="role_changed", reason=reason, holder=holder, scopes=kept
                )
                for holder in narrowed
            )
        )

    async def close(self) -> None:
        for task in self._telling:
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)

    async def _tell(self, *events: AccessEnded) -> None:
        tasks = [run_once("ended access", self._until_told(event)) for event in events]
        self._telling.update(tasks)
        for task in tasks:
            task.add_done_callback(self._telling.discard)
        if tasks:
            await asyncio.wait(tasks, timeout=AGAIN)

    async def _until_told(self, event: AccessEnded) -> None:
        while True:
            try:
                await self._publish(event)
                return
            except (NatsError, TimeoutError, OSError) as error:
                log.warning("an ended access cannot be told yet: %s", type(error).__name__)
                await asyncio.sleep(AGAIN)
