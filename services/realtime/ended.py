"""Whose access ended while tokens for it are still valid. No I/O."""

from datetime import timedelta

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
        for known in (self._logins, self._holders):
            for key in [key for key, old in known.items() if old.at + self._kept < event.at]:
                del known[key]
        for login_id in event.login_ids:
            self._logins[event.organization_id, login_id] = event
        if event.holder:
            key = event.organization_id, event.holder
            if not (event.role and key in self._holders and self._holders[key].role is None):
                self._holders[key] = event

    def why(self, principal: Principal) -> AccessEnded | None:
        """What ended it; None while it goes on."""
        found = self._holders.get((principal.organization_id, principal.subject))
        if found and (found.role is None or found.role != principal.role):
            return found
        return self._logins.get((principal.organization_id, principal.session_id or ""))
