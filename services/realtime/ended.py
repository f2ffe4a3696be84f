"""Whose access ended while tokens for it are still valid. No I/O."""

from datetime import datetime, timedelta

from shared.auth import Principal
from shared.events import AccessEnded


class EndedAccess:
    """What was told in the last `kept`, the life of a token: what is older has expired by itself."""

    def __init__(self, kept: timedelta) -> None:
        self._kept = kept
        self._logins: dict[tuple[str, str], AccessEnded] = {}
        self._holders: dict[tuple[str, str], AccessEnded] = {}

    def note(self, event: AccessEnded) -> None:
        """In the order of the stream; of a holder the newest counts, and a removal for good."""
        self._forget(event.at - self._kept)
        for login_id in event.login_ids:
            self._logins[event.organization_id, login_id] = event
        if event.holder:
            key = event.organization_id, event.holder
            before = self._holders.pop(key, None)
            self._holders[key] = before if before and before.role is None and before.scopes is None else event

    def _forget(self, before: datetime) -> None:
        for known in (self._logins, self._holders):
            while known and next(iter(known.values())).at < before:
                del known[next(iter(known))]

    def why(self, principal: Principal) -> AccessEnded | None:
        """What ended it; None while it goes on."""
        found = self._holders.get((principal.organization_id, principal.subject))
        if found and _concerns(found, principal):
            return found
        return self._logins.get((principal.organization_id, principal.session_id or ""))


def _concerns(event: AccessEnded, principal: Principal) -> bool:
    if event.scopes is not None:
        return not principal.scopes <= frozenset(event.scopes)
    return event.role is None or event.role != principal.role
