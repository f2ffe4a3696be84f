"""Revocations of access for which valid tokens still exist. No I/O."""

from collections import Counter
from datetime import datetime, timedelta

from shared.contracts.events import AccessRevoked
from shared.contracts.principal import Principal

MAX_REVOKED_LOGINS = 20_000
"""Of one organization, stored one by one; with more, all tokens issued before are revoked."""
MANY_LOGINS_REASON = "many logins of this organization ended; get a new token and reconnect"


class RevocationList:
    """The revocations of the last `token_lifetime`: tokens that older ones concern have expired."""

    def __init__(self, token_lifetime: timedelta) -> None:
        self._token_lifetime = token_lifetime
        self._logins: dict[tuple[str, str], AccessRevoked] = {}
        """By organization and login."""
        self._subjects: dict[tuple[str, str], AccessRevoked] = {}
        """By organization and subject: a user, or an API key."""
        self._login_counts = Counter[str]()
        """Entries of `_logins` by organization."""
        self._all_logins: dict[str, AccessRevoked] = {}
        """By organization: every login with a token issued before this revocation."""

    def add(self, event: AccessRevoked) -> None:
        """In the order of the stream: the newest revocation of a subject counts, except that a removal is final."""
        self._remove_older_than(event.at - self._token_lifetime)
        for login_id in event.login_ids:
            if (event.organization_id, login_id) not in self._logins:
                self._login_counts[event.organization_id] += 1
            self._logins[event.organization_id, login_id] = event
        if self._login_counts[event.organization_id] > MAX_REVOKED_LOGINS:
            self._revoke_all_logins(event)
        if event.holder:
            key = event.organization_id, event.holder
            before = self._subjects.pop(key, None)
            is_removed = before is not None and before.role is None and before.scopes is None
            self._subjects[key] = before if before and is_removed else event

    def _remove_older_than(self, oldest: datetime) -> None:
        for revocations in (self._logins, self._subjects, self._all_logins):
            while revocations and next(iter(revocations.values())).at < oldest:
                organization_id = revocations.pop(next(iter(revocations))).organization_id  # type: ignore[call-overload]
                if revocations is self._logins:
                    self._decrement_logins(organization_id)

    def _decrement_logins(self, organization_id: str) -> None:
        self._login_counts[organization_id] -= 1
        if self._login_counts[organization_id] <= 0:
            del self._login_counts[organization_id]

    def _revoke_all_logins(self, event: AccessRevoked) -> None:
        """Instead of the single logins of this organization, every token issued before this moment."""
        for key in [key for key in self._logins if key[0] == event.organization_id]:
            del self._logins[key]
        del self._login_counts[event.organization_id]
        self._all_logins.pop(event.organization_id, None)
        self._all_logins[event.organization_id] = event.model_copy(update={"reason": MANY_LOGINS_REASON})

    def revocation_for(self, principal: Principal) -> AccessRevoked | None:
        """The revocation that concerns this principal; None while its access is valid."""
        of_subject = self._subjects.get((principal.organization_id, principal.subject))
        if of_subject and _applies_to(of_subject, principal):
            return of_subject
        if of_login := self._logins.get((principal.organization_id, principal.session_id or "")):
            return of_login
        of_all = self._all_logins.get(principal.organization_id)
        if of_all is None or not principal.session_id or principal.expires_at is None:
            return None
        issued_at = principal.expires_at - self._token_lifetime.total_seconds()
        return of_all if issued_at <= of_all.at.timestamp() else None


def _applies_to(event: AccessRevoked, principal: Principal) -> bool:
    """A new role or new scopes revoke only what was opened with others."""
    if event.scopes is not None:
        return not principal.scopes <= frozenset(event.scopes)
    return event.role is None or event.role != principal.role
