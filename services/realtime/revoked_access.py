"""Whose access ended while tokens for it are still valid. No I/O."""

from collections import Counter
from datetime import datetime, timedelta

from shared.contracts.events import AccessRevoked
from shared.contracts.principal import Principal

MAX_LOGINS = 20_000
"""Ended logins of one organization that are known one by one."""
_EVERY_LOGIN = "many logins of this organization ended; get a new token and reconnect"


class EndedAccess:
    """What was told in the last `kept`, the life of a token: what is older has expired by itself."""

    def __init__(self, kept: timedelta) -> None:
        self._kept = kept
        self._logins: dict[tuple[str, str], AccessRevoked] = {}
        self._holders: dict[tuple[str, str], AccessRevoked] = {}
        self._counts = Counter[str]()
        self._forgotten: dict[str, AccessRevoked] = {}
        """By organization the newest ended login that is not known any more: older tokens of logins open nothing."""

    def note(self, event: AccessRevoked) -> None:
        """In the order of the stream; of a holder the newest counts, and a removal for good."""
        self._forget(event.at - self._kept)
        for login_id in event.login_ids:
            if (event.organization_id, login_id) not in self._logins:
                self._counts[event.organization_id] += 1
            self._logins[event.organization_id, login_id] = event
        if self._counts[event.organization_id] > MAX_LOGINS:
            self._forget_logins(event)
        if event.holder:
            key = event.organization_id, event.holder
            before = self._holders.pop(key, None)
            self._holders[key] = before if before and before.role is None and before.scopes is None else event

    def _forget(self, before: datetime) -> None:
        for known in (self._logins, self._holders, self._forgotten):
            while known and next(iter(known.values())).at < before:
                organization_id = known.pop(next(iter(known))).organization_id  # type: ignore[call-overload]
                if known is self._logins:
                    self._less(organization_id)

    def _less(self, organization_id: str) -> None:
        self._counts[organization_id] -= 1
        if self._counts[organization_id] <= 0:
            del self._counts[organization_id]

    def _forget_logins(self, event: AccessRevoked) -> None:
        """All of its organization: from now on every token that was issued before this moment is refused instead."""
        for key in [key for key in self._logins if key[0] == event.organization_id]:
            del self._logins[key]
        del self._counts[event.organization_id]
        self._forgotten.pop(event.organization_id, None)
        self._forgotten[event.organization_id] = event.model_copy(update={"reason": _EVERY_LOGIN})

    def why(self, principal: Principal) -> AccessRevoked | None:
        """What ended it; None while it goes on."""
        found = self._holders.get((principal.organization_id, principal.subject))
        if found and _concerns(found, principal):
            return found
        if login := self._logins.get((principal.organization_id, principal.session_id or "")):
            return login
        forgotten = self._forgotten.get(principal.organization_id)
        if forgotten is None or not principal.session_id or principal.expires_at is None:
            return None
        issued_at = principal.expires_at - self._kept.total_seconds()
        return forgotten if issued_at <= forgotten.at.timestamp() else None


def _concerns(event: AccessRevoked, principal: Principal) -> bool:
    if event.scopes is not None:
        return not principal.scopes <= frozenset(event.scopes)
    return event.role is None or event.role != principal.role
