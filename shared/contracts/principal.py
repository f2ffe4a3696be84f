"""The authenticated caller (principal)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from pydantic import BaseModel, ConfigDict

API_KEY_PREFIX = "sbk_"
API_KEY_SUBJECT_PREFIX = "key:"
"""Before the id of an API key, as the subject of a principal."""

Scope = Literal["read", "send", "manage"]
Role = Literal["owner", "admin", "agent", "viewer"]
_ALL_SCOPES: frozenset[Scope] = frozenset({"read", "send", "manage"})
ROLE_SCOPES: Mapping[Role, frozenset[Scope]] = MappingProxyType(
    {"owner": _ALL_SCOPES, "admin": _ALL_SCOPES, "agent": frozenset({"read", "send"}), "viewer": frozenset({"read"})}
)
"""The scopes of each role. Only owners may change owners."""


class Principal(BaseModel):
    """A request acts on `organization_id` of its principal, never on one that the client sends."""

    model_config = ConfigDict(frozen=True)
    organization_id: str
    subject: str
    """User id, or `key:<id>`."""
    scopes: frozenset[Scope] = _ALL_SCOPES
    expires_at: float | None = None
    """Epoch seconds."""
    role: Role | None = None
    """Of a user; None for API keys and other services."""
    instance_ids: frozenset[str] | None = None
    """The instances an API key is restricted to; None: all of the organization."""
    session_id: str | None = None
    """Id of the login that issued an access token."""

    def with_role(self, role: Role) -> "Principal":
        """The same user with this role and its scopes."""
        return self.model_copy(update={"role": role, "scopes": ROLE_SCOPES[role]})

    def accessible(self, instance_id: str | None) -> frozenset[str] | None:
        """The requested instance if the caller may access it; without one, all that the caller may access. None: all of
        the organization."""
        requested, allowed = frozenset({instance_id}) if instance_id else None, self.instance_ids
        return requested & allowed if requested is not None and allowed is not None else requested or allowed
