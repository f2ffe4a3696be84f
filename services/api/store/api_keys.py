"""API keys: kept as SHA-256 only (they are 256 random bits, so a slow hash would add nothing)."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from shared.auth import API_KEY_PREFIX, Principal, Scope
from shared.errors import Problem
from shared.ids import new_id
from shared.message import utc_now
from shared.mongo import Collection, Document, IndexModel


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


@dataclass(frozen=True)
class KeyGrant:
    """What a new key may do. `instance_ids`: the only instances it reaches; None: all."""

    name: str
    scopes: frozenset[Scope]
    instance_ids: frozenset[str] | None = None
    expires_at: datetime | None = None


class ApiKeys:
    """Collection `api_keys`; a revoked key stays, without power, for the record."""

    INDEXES: ClassVar = {"api_keys": [IndexModel("hash", unique=True), IndexModel("organization_id")]}

    def __init__(self, collection: Collection) -> None:
        self._keys = collection

    async def create(self, principal: Principal, grant: KeyGrant) -> tuple[Document, str]:
        """The stored document and the key itself, which is never readable again."""
        key = API_KEY_PREFIX + secrets.token_urlsafe(32)
        document = {
            "_id": new_id(), "organization_id": principal.organization_id, "name": grant.name,
            "scopes": sorted(grant.scopes), "prefix": key[:10], "hash": _hashed(key),
            "created_by": principal.subject, "created_at": utc_now(), "expires_at": grant.expires_at,
            "instance_ids": None if grant.instance_ids is None else sorted(grant.instance_ids), "revoked_at": None,
        }  # fmt: skip
        await self._keys.insert_one(document)
        return document, key

    async def all_of(self, organization_id: str) -> list[Document]:
        """At most the newest 200."""
        return await self._keys.find({"organization_id": organization_id}).sort("created_at", -1).to_list(200)

    async def revoke(self, organization_id: str, key_id: str) -> None:
        """Raises Problem 404 when the organization has no such key."""
        found = await self._keys.update_one(
            {"_id": key_id, "organization_id": organization_id}, [{"$set": {"revoked_at": {
                "$ifNull": ["$revoked_at", "$$NOW"]}}}],
        )  # fmt: skip
        if not found.matched_count:
            raise Problem(404, "api_key_not_found", "there is no such API key")

    async def owner(self, key: str) -> Principal | None:
        """Whom a key belongs to; None when it is unknown, expired or revoked."""
        found = await self._keys.find_one({"hash": _hashed(key), "revoked_at": None})
        if found is None or (found["expires_at"] and found["expires_at"] <= utc_now()):
            return None
        limit = found.get("instance_ids")
        return Principal(
            organization_id=found["organization_id"], subject=f"key:{found['_id']}", scopes=frozenset(found["scopes"]),
            instance_ids=None if limit is None else frozenset(limit),
            expires_at=found["expires_at"].timestamp() if found["expires_at"] else None,
        )  # fmt: skip
