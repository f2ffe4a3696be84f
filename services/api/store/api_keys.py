"""API keys, stored as hashes.

A key may do what its own grant says, and at most what its maker may do now (docs/decisions/0028).
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from services.api.store.pending_revocations import PENDING_REVOCATION_FIELD, PendingRevocation
from services.api.store.token_hash import token_hash
from services.api.store.user_records import UserAccess, user_access
from shared.contracts.errors import Problem
from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.contracts.principal import API_KEY_PREFIX, API_KEY_SUBJECT_PREFIX, ROLE_SCOPES, Principal, Scope
from shared.platform.mongo import Collection, Document, IndexModel, MongoQuery

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


@dataclass(frozen=True, slots=True)
class ApiKeyRecord:
    """`prefix`: the first characters of the key. `scopes` and `instance_ids`: as granted; its current rights may be
    fewer."""

    id: str
    name: str
    prefix: str
    scopes: list[Scope]
    instance_ids: list[str] | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class _GrantedKey:
    """A key that is not revoked. `created_by`: the subject of its maker, empty when it was not recorded. `maker`: None
    when that is no user."""

    id: str
    organization_id: str
    bounds: "_Bounds"
    created_by: str
    maker: UserAccess | None


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

    async def create(self, principal: Principal, grant: KeyGrant) -> tuple[ApiKeyRecord, str]:
        """The record, and the key, which cannot be read again. Raises Problem 409 `key_too_deep`."""
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
        return _record(document), key

    async def all_of(self, organization_id: str) -> list[ApiKeyRecord]:
        """The newest 200."""
        newest_first = self._keys.find({"organization_id": organization_id}).sort("created_at", -1)
        return [_record(document) for document in await newest_first.limit(200).to_list(None)]

    async def revoke(self, organization_id: str, key_id: str) -> PendingRevocation:
        """Raises Problem 404 `api_key_not_found`."""
        change_id = new_id()
        revoked = [{"$set": {"revoked_at": {"$ifNull": ["$revoked_at", "$$NOW"]}, PENDING_REVOCATION_FIELD: change_id}}]
        result = await self._keys.update_one({"_id": key_id, "organization_id": organization_id}, revoked)
        if not result.matched_count:
            raise Problem(404, "api_key_not_found", "there is no such API key")
        return PendingRevocation("api_keys", organization_id, (key_id,), change_id)

    async def descendants_of(self, organization_id: str, subject: str) -> list[str]:
        """Ids of the keys that this user or key made, directly or indirectly; without revoked ones."""
        descendants: list[str] = []
        makers = [subject]
        while makers:
            query: MongoQuery = {"organization_id": organization_id, "created_by": {"$in": makers}, "revoked_at": None}
            made = [key["_id"] async for key in self._keys.find(query, {"_id": 1}) if key["_id"] not in descendants]
            descendants += made
            makers = [API_KEY_SUBJECT_PREFIX + key_id for key_id in made]
        return descendants

    async def principal_by_key(self, key: str) -> Principal | None:
        """The key's principal with its current rights; None when the key is unknown, expired, revoked, or its maker was
        removed. One lookup, and one more for each key between it and a user."""
        return await self._principal({"hash": token_hash(key)})

    async def principal_by_id(self, organization_id: str, key_id: str) -> Principal | None:
        """The same by the id of the key."""
        return await self._principal({"_id": key_id, "organization_id": organization_id})

    async def _principal(self, query: MongoQuery) -> Principal | None:
        key = await self._find(query)
        bounds = await self._bounds(key, _MAX_MAKER_LOOKUPS) if key else None
        if key is None or bounds is None:
            return None
        return Principal(
            organization_id=key.organization_id,
            subject=f"{API_KEY_SUBJECT_PREFIX}{key.id}",
            scopes=bounds.scopes,
            instance_ids=bounds.instance_ids,
            expires_at=bounds.expires_at.timestamp() if bounds.expires_at else None,
        )

    async def _bounds(self, key: _GrantedKey, lookups: int) -> _Bounds | None:
        """The rights that the key and all its makers have now; None when one of them is expired, revoked or removed."""
        if key.bounds.expires_at and key.bounds.expires_at <= utc_now():
            return None
        maker_bounds = await self._maker_bounds(key, lookups)
        return key.bounds.intersect(maker_bounds) if maker_bounds else None

    async def _maker_bounds(self, key: _GrantedKey, lookups: int) -> _Bounds | None:
        """A maker that is no user (another program, a NATS request, or not recorded) sets no limits."""
        if key.created_by.startswith(API_KEY_SUBJECT_PREFIX):
            maker_id = key.created_by.removeprefix(API_KEY_SUBJECT_PREFIX)
            maker_query = {"_id": maker_id, "organization_id": key.organization_id}
            maker_key = await self._find(maker_query) if lookups else None
            return await self._bounds(maker_key, lookups - 1) if maker_key else None
        if key.maker is None:
            return _Bounds()
        if key.maker.is_removed or key.maker.organization_id != key.organization_id:
            return None
        return _Bounds(ROLE_SCOPES[key.maker.role])

    async def _find(self, query: MongoQuery) -> _GrantedKey | None:
        """The key, unless it is revoked, with the user who made it."""
        stages: list[MongoQuery] = [
            {"$match": {**query, "revoked_at": None}},
            {"$lookup": {"from": "users", "localField": "created_by", "foreignField": "_id", "as": "maker"}},
            {"$project": {"maker.password_hash": 0, "maker.email": 0}},
        ]
        documents = await self._keys.aggregate(stages).to_list(1)
        return _granted_key(documents[0]) if documents else None

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


def _record(document: Document) -> ApiKeyRecord:
    return ApiKeyRecord(
        id=document["_id"],
        name=document["name"],
        prefix=document["prefix"],
        scopes=document["scopes"],
        instance_ids=document.get("instance_ids"),
        created_at=document["created_at"],
        expires_at=document["expires_at"],
        revoked_at=document["revoked_at"],
    )


def _granted_key(document: Document) -> _GrantedKey:
    """`document`: with a list of the user who made it in `maker`."""
    instance_ids = document.get("instance_ids")
    return _GrantedKey(
        id=document["_id"],
        organization_id=document["organization_id"],
        bounds=_Bounds(
            frozenset(document["scopes"]),
            None if instance_ids is None else frozenset(instance_ids),
            document["expires_at"],
        ),
        created_by=str(document.get("created_by") or ""),
        maker=user_access(document["maker"][0]) if document["maker"] else None,
    )
