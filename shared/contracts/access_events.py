"""Events about access, published by the api; re-exported by shared/contracts/events.py."""

from typing import ClassVar, Literal

from shared.contracts.message import Event
from shared.contracts.principal import Role, Scope


class AccessRevoked(Event):
    """Access was revoked: of the logins `login_ids`, or of all tokens of `holder` (a user id, or `key:<id>`). Open
    sockets that use it are closed.

    With `role` only tokens of another role, with `scopes` only tokens with a scope besides these. `code`: stable;
    `reason`: a sentence with the remedy.
    """

    subject: ClassVar[str] = "wa.event.access.ended"
    publishers: ClassVar[tuple[str, ...]] = ("api",)
    code: Literal["login_ended", "password_changed", "user_removed", "role_changed", "api_key_revoked"]
    reason: str
    login_ids: tuple[str, ...] = ()
    holder: str | None = None
    role: Role | None = None
    scopes: tuple[Scope, ...] | None = None
