"""Facts about access, published by the api; a part of shared/contracts/events.py."""

from typing import ClassVar, Literal

from shared.contracts.message import Event
from shared.contracts.principal import Role, Scope


class AccessRevoked(Event):
    """Logins ended, or all that `holder` (a user's id or `key:<id>`) opened; sockets opened with them are ended.

    With `role` only what was opened in another role, with `scopes` only what was opened with a scope besides these.
    code: stable; reason: a sentence with the remedy.
    """

    subject: ClassVar[str] = "wa.event.access.ended"
    publishers: ClassVar[tuple[str, ...]] = ("api",)
    code: Literal["login_ended", "password_changed", "user_removed", "role_changed", "api_key_revoked"]
    reason: str
    login_ids: tuple[str, ...] = ()
    holder: str | None = None
    role: Role | None = None
    scopes: tuple[Scope, ...] | None = None
