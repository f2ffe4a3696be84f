"""Users as other modules get them, from documents of the collection `users`."""

from dataclasses import dataclass
from datetime import datetime

from shared.contracts.principal import Role
from shared.platform.mongo import Document


@dataclass(frozen=True, slots=True)
class UserRecord:
    """`password_hash`: empty without a password. `password_version`: how often the password was changed; None:
    never."""

    id: str
    organization_id: str
    email: str
    name: str
    role: Role
    password_hash: str
    password_version: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class UserAccess:
    """What a user may access now."""

    organization_id: str
    role: Role
    is_removed: bool


USER_ACCESS_FIELDS = {"role": 1, "removed_at": 1, "organization_id": 1}
"""The projection for `user_access`."""


def user_record(document: Document) -> UserRecord:
    return UserRecord(
        id=document["_id"],
        organization_id=document["organization_id"],
        email=document["email"],
        name=document["name"],
        role=_role_of(document),
        password_hash=document.get("password_hash") or "",
        password_version=document.get("password_version"),
        created_at=document["created_at"],
    )


def user_access(document: Document) -> UserAccess:
    return UserAccess(document["organization_id"], _role_of(document), bool(document.get("removed_at")))


def _role_of(document: Document) -> Role:
    """Users without a role registered before roles existed and created their organization: owners."""
    role: Role = document.get("role") or "owner"
    return role
