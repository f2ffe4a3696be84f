"""Whose access ended while tokens for it are still valid. No I/O."""

from collections import Counter
from datetime import datetime, timedelta

from shared.contracts.events import AccessRevoked
from shared.contracts.principal import Principal

MAX_REVOKED_LOGINS = 20_000
"""Ended logins of one organization that are known one by one."""
MANY_LOGINS_REASON = "many logins of this organization ended; get a new token and reconnect"


class RevocationList:
    """What was told in the last `kept`, the life of a token: what is older has expired by itself."""

    def __init__(self, kept: timedelta) -> None:
        self._token_lifetime = kept
        self._logins: dict[tuple[str, str], AccessRevoked] = {}
        self._subjects: dict[tuple[str, str], AccessRevoked] = {}
        self._login_counts = Counter[str]()
        self._overflows: dict[str, AccessRevoked] = {}
        """By organization the newest ended login that is not known any more: older tokens of logins open nothing."""

    def add(self, event: AccessRevoked) -> None:
        """In the order of the stream; of a holder the newest counts, and a removal for good."""
        self._remove_older_than(event.at - self._token_lifetime)
        for login_id in event.login_ids:
            if (event.organization_id, login_id) not in self._logins:
                self._login_counts[event.organization_id] += 1
            self._logins[event.organization_id, login_id] = event
        if self._login_counts[event.organization_id] > MAX_REVOKED_LOGINS:
            self._collapse_logins(event)
        if event.holder:
            key = event.organization_id, event.holder
            before = self._subjects.pop(key, None)
            self._subjects[key] = before if before and before.role is None and before.scopes is None else event

    def _remove_older_than(self, before: datetime) -> None:
        for known in (self._logins, self._subjects, self._overflows):
            while known and next(iter(known.values())).at < before:
                organization_id = known.pop(next(iter(known))).organization_id  # type: ignore[call-overload]
                if known is self._logins:
                    self._decrement_logins(organization_id)

    def _decrement_logins(self, organization_id: str) -> None:
        self._login_counts[organization_id] -= 1
        if self._login_counts[organization_id] <= 0:
            del self._login_counts[organization_id]

    def _collapse_logins(self, event: AccessRevoked) -> None:
        """All of its organization: from now on every token that was issued before this moment is refused instead."""
        for key in [key for key in self._logins if key[0] == event.organization_id]:
            del self._logins[key]
        del self._login_counts[event.organization_id]
        self._overflows.pop(event.organization_id, None)
        self._overflows[event.organization_id] = event.model_copy(update={"reason": MANY_LOGINS_REASON})

    def revocation_for(self, principal: Principal) -> AccessRevoked | None:
        """What ended it; None while it goes on."""
        found = self._subjects.get((principal.organization_id, principal.subject))
        if found and _applies_to(found, principal):
            return found
        if login := self._logins.get((principal.organization_id, principal.session_id or "")):
            return login
        forgotten = self._overflows.get(principal.organization_id)
        if forgotten is None or not principal.session_id or principal.expires_at is None:
            return None
        issued_at = principal.expires_at - self._token_lifetime.total_seconds()
        return forgotten if issued_at <= forgotten.at.timestamp() else None


def _applies_to(event: AccessRevoked, principal: Principal) -> bool:
    if event.scopes is not None:
        return not principal.scopes <= frozenset(event.scopes)
    return event.role is None or event.role != principal.role
