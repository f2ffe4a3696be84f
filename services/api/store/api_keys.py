"""API keys, stored as hashes.

A key may do what its own grant says, and at most what its maker may do now (docs/decisions/0028).
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from services.api.store.members import role_of
from services.api.store.pending_revocations import PENDING_REVOCATION_FIELD, PendingRevocation
from services.api.store.token_hash import token_hash
from shared.contracts.errors import Problem
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.contracts.principal import API_KEY_PREFIX, API_KEY_SUBJECT_PREFIX, ROLE_SCOPES, Principal, Scope
from shared.platform.mongo import Collection, Document, IndexModel

MAX_KEY_DEPTH = 4
"""A key made by a user has depth 0, a key made with that key depth 1. Each level costs one lookup per request."""
_MAX_MAKER_LOOKUPS = 16
"""Keys that were made before depths were stored may have more makers; beyond this they are refused."""
_ALL_SCOPES: frozenset[Scope] = frozenset({"read", "send", "manage"})


@dataclass(frozen=True)
class KeyGrant:
    """Rights of a new key. `instance_ids`: the only instances it may access; None: all."""

    name: str
    scopes: frozenset[Scope]
    instance_ids: frozenset[str] | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True)
class _Bounds:
    """Current rights of a key or its maker. None: no limit."""

    scopes: frozenset[Scope] = _ALL_SCOPES
    instance_ids: frozenset[str] | None = None
    expires_at: datetime | None = None

    def intersect(self, other: "_Bounds") -> "_Bounds":
        """The rights that both have."""
        ends = [end for end in (self.expires_at, other.expires_at) if end]
        limits = [ids for ids in (self.instance_ids, other.instance_ids) if ids is not None]
        return _Bounds(
            self.scopes & other.scopes, frozenset.intersection(*limits) if limits else None, min(ends, default=None)
        )


class ApiKeys:
    """Collection `api_keys`; revoked keys are kept for the record. Also reads `users`."""

    INDEXES: ClassVar = {"api_keys": [IndexModel("hash", unique=True), IndexModel("organization_id")]}

    def __init__(self, collection: Collection) -> None:
        self._keys = collection

    async def create(self, principal: Principal, grant: KeyGrant) -> tuple[Document, str]:
        """The stored document, and the key, which cannot be read again. Raises Problem 409 `key_too_deep`."""
        key, depth = API_KEY_PREFIX + secrets.token_urlsafe(32), await self._depth_below(principal)
        document = {
            "_id": new_id(),
            "organization_id": principal.organization_id,
            "name": grant.name,
            "scopes": sorted(grant.scopes),
            "prefix": key[:10],
            "hash": token_hash(key),
            "created_by": principal.subject,
            "created_at": utc_now(),
            "expires_at": grant.expires_at,
            "depth": depth,
            "instance_ids": None if grant.instance_ids is None else sorted(grant.instance_ids),
            "revoked_at": None,
        }
        await self._keys.insert_one(document)
        return document, key

    async def all_of(self, organization_id: str) -> list[Document]:
        """The newest 200."""
        return (
            await self._keys.find({"organization_id": organization_id}).sort("created_at", -1).limit(200).to_list(None)
        )

    async def revoke(self, organization_id: str, key_id: str) -> PendingRevocation:
        """Raises Problem 404 `api_key_not_found`."""
        change_id = new_id()
        revoked = [{"$set": {"revoked_at": {"$ifNull": ["$revoked_at", "$$NOW"]}, PENDING_REVOCATION_FIELD: change_id}}]
        result = await self._keys.update_one({"_id": key_id, "organization_id": organization_id}, revoked)
        if not result.matched_count:
            raise Problem(404, "api_key_not_found", "there is no such API key")
        return PendingRevocation("api_keys", (key_id,), change_id)

    async def descendants_of(self, organization_id: str, subject: str) -> list[str]:
        """Ids of the keys that this user or key made, directly or indirectly; without revoked ones."""
        descendants: list[str] = []
        makers = [subject]
        while makers:
            query: Document = {"organization_id": organization_id, "created_by": {"$in": makers}, "revoked_at": None}
            made = [key["_id"] async for key in self._keys.find(query, {"_id": 1}) if key["_id"] not in descendants]
            descendants += made
            makers = [API_KEY_SUBJECT_PREFIX + key_id for key_id in made]
        return descendants

    async def principal_by_key(self, key: str) -> Principal | None:
        """The key's principal with its current rights; None when the key is unknown, expired, revoked, or its maker was
        removed. One lookup, and one more for each key between it and a user."""
        key_document = await self._with_maker({"hash": token_hash(key)})
        bounds = await self._bounds(key_document, _MAX_MAKER_LOOKUPS) if key_document else None
        return _principal(key_document, bounds) if key_document and bounds else None

    async def principal_by_id(self, organization_id: str, key_id: str) -> Principal | None:
        """The same by the id of the key."""
        key_document = await self._with_maker({"_id": key_id, "organization_id": organization_id})
        bounds = await self._bounds(key_document, _MAX_MAKER_LOOKUPS) if key_document else None
        return _principal(key_document, bounds) if key_document and bounds else None

    async def _bounds(self, key: Document, lookups: int) -> _Bounds | None:
        """The rights that the key and all its makers have now; None when one of them is expired, revoked or removed."""
        if key["expires_at"] and key["expires_at"] <= utc_now():
            return None
        instance_ids = key.get("instance_ids")
        own = _Bounds(
            frozenset(key["scopes"]), None if instance_ids is None else frozenset(instance_ids), key["expires_at"]
        )
        maker_bounds = await self._maker_bounds(key, lookups)
        return own.intersect(maker_bounds) if maker_bounds else None

    async def _maker_bounds(self, key: Document, lookups: int) -> _Bounds | None:
        """A maker that is no user (another program, a NATS request, or not recorded) sets no limits."""
        maker = str(key.get("created_by") or "")
        if maker.startswith(API_KEY_SUBJECT_PREFIX):
            parent = {"_id": maker.removeprefix(API_KEY_SUBJECT_PREFIX), "organization_id": key["organization_id"]}
            key_document = await self._with_maker(parent) if lookups else None
            return await self._bounds(key_document, lookups - 1) if key_document else None
        if not key["maker"]:
            return _Bounds()
        user = key["maker"][0]
        if user.get("removed_at") or user["organization_id"] != key["organization_id"]:
            return None
        return _Bounds(ROLE_SCOPES[role_of(user)])

    async def _with_maker(self, query: Document) -> Document | None:
        """The key, unless it is revoked, with a list of the user who made it in `maker`."""
        stages: list[Any] = [
            {"$match": {**query, "revoked_at": None}},
            {"$lookup": {"from": "users", "localField": "created_by", "foreignField": "_id", "as": "maker"}},
            {"$project": {"maker.password_hash": 0, "maker.email": 0}},
        ]
        keys = await self._keys.aggregate(stages).to_list(1)
        return keys[0] if keys else None

    async def _depth_below(self, maker: Principal) -> int:
        if not maker.subject.startswith(API_KEY_SUBJECT_PREFIX):
            return 0
        parent = await self._keys.find_one({"_id": maker.subject.removeprefix(API_KEY_SUBJECT_PREFIX)}, {"depth": 1})
        depth = int((parent or {}).get("depth", 0)) + 1
        if depth > MAX_KEY_DEPTH:
            detail = (
                f"keys are made by keys at most {MAX_KEY_DEPTH} times in a row; log in as a person to make this one"
            )
            raise Problem(409, "key_too_deep", detail)
        return depth


def _principal(key: Document, bounds: _Bounds) -> Principal:
    return Principal(
        organization_id=key["organization_id"],
        subject=f"{API_KEY_SUBJECT_PREFIX}{key['_id']}",
        scopes=bounds.scopes,
        instance_ids=bounds.instance_ids,
        expires_at=bounds.expires_at.timestamp() if bounds.expires_at else None,
    )
