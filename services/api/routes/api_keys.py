"""API keys, for programs, with only the scopes they need."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from services.api.access.revocation_steps import after_revocation
from services.api.context import Ctx, Manager
from services.api.nats.served_on_nats import served_on_nats
from services.api.request_fields import Name, RequestBody, UtcDateTime
from services.api.responses import Item, Ok, Page, Secret
from services.api.store.api_keys import ApiKeyRecord, KeyGrant
from shared.contracts.errors import Problem
from shared.contracts.ids import Slug
from shared.contracts.message import utc_now
from shared.contracts.principal import API_KEY_SUBJECT_PREFIX, Principal, Scope

router = APIRouter(prefix="/api/api-keys", tags=["api keys"])


class NewApiKey(RequestBody):
    """`read` reads, `send` sends messages, `manage` does everything else. Without `expires_at` it works until revoked.

    With `instance_ids` it may access only these instances, and nothing that concerns the whole organization.
    """

    name: Name
    scopes: Annotated[frozenset[Scope], Field(min_length=1, max_length=3)] = frozenset({"read", "send"})
    instance_ids: Annotated[frozenset[Slug], Field(min_length=1, max_length=100)] | None = None
    expires_at: UtcDateTime | None = None


class ApiKey(BaseModel):
    """`prefix`: the first characters, to recognize the key."""

    id: str
    name: str
    prefix: str
    scopes: list[Scope]
    instance_ids: list[str] | None = None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class CreatedApiKey(ApiKey):
    """`key` is shown only in this response; only its hash is stored."""

    key: Secret


def _api_key(record: ApiKeyRecord) -> ApiKey:
    return ApiKey.model_validate(record, from_attributes=True)


@router.post("", status_code=201)
@served_on_nats("wa.command.api-key.create", "CreateApiKeyRequest")
async def create_key(context: Ctx, caller: Manager, body: NewApiKey) -> Item[CreatedApiKey]:
    """A key has at most the scopes of its maker, now and later: it loses scopes with its maker's role and ends with its
    maker. A key that is made with another key ends with that key, and expires no later."""
    if missing := body.scopes - caller.scopes:
        raise Problem(403, "scope_missing", f"you do not have the scopes {', '.join(sorted(missing))} yourself")
    if body.expires_at and body.expires_at <= utc_now():
        raise Problem(422, "validation_failed", "expires_at: lies in the past")
    unknown = await context.instances.missing_ids(caller.organization_id, body.instance_ids or ())
    if unknown:
        raise Problem(422, "validation_failed", f"instance_ids: there are no such instances: {', '.join(unknown)}")
    grant = KeyGrant(body.name, body.scopes, body.instance_ids, _expiry(caller, body.expires_at))
    record, key = await context.api_keys.create(caller, grant)
    return Item(data=CreatedApiKey(**_api_key(record).model_dump(), key=key))


@router.get("")
@served_on_nats("wa.query.api-key.list", "ListApiKeys")
async def list_keys(context: Ctx, caller: Manager) -> Page[ApiKey]:
    """The newest 200, including revoked ones."""
    return Page(data=[_api_key(record) for record in await context.api_keys.all_of(caller.organization_id)])


@router.delete("/{key_id}")
@served_on_nats("wa.command.api-key.revoke", "RevokeApiKeyRequest")
async def revoke_key(context: Ctx, caller: Manager, key_id: str) -> Ok:
    """Revoke the key at once, and all keys and invitations that were made with it."""
    revocation = await context.api_keys.revoke(caller.organization_id, key_id)
    await after_revocation(context, revocation)
    return Ok()


def _expiry(caller: Principal, requested: datetime | None) -> datetime | None:
    """Of a key that is made with another key: no later than that key's. Raises Problem 422."""
    if not caller.subject.startswith(API_KEY_SUBJECT_PREFIX) or caller.expires_at is None:
        return requested
    latest = datetime.fromtimestamp(caller.expires_at, UTC)
    if requested and requested > latest:
        detail = f"expires_at: the key that makes this one expires at {latest.isoformat()}; name no later time"
        raise Problem(422, "validation_failed", detail)
    return requested or latest
