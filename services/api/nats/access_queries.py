"""Answers queries of the realtime service: the owner of an API key, the rate limit of a caller, and the count of
invalid credentials of an address."""

from services.api.access.rate_limits import RateLimits
from services.api.store.api_keys import ApiKeys
from shared.contracts.principal import API_KEY_SUBJECT_PREFIX, Principal
from shared.contracts.queries import (
    ApiKeyOwner,
    CountFailedCredential,
    FailedCredentialCounted,
    RateLimitTaken,
    TakeRateLimit,
    VerifyApiKey,
)
from shared.messaging.rpc_server import Endpoint, ModelEndpoint, RpcLimits
from shared.platform.mongo import Database

ACCESS_QUERY_LIMITS = RpcLimits(concurrent=32)
_NO_ADDRESS = "bus"
"""Invalid keys in queries without a client address are counted together under this name."""


def access_endpoints(database: Database, rate_limits: RateLimits) -> list[Endpoint]:
    async def verify_key(query: VerifyApiKey) -> ApiKeyOwner:
        principal = await ApiKeys(database.api_keys).principal_by_key(query.key)
        if principal is None:
            retry_after = await rate_limits.count_failure(database, query.client or _NO_ADDRESS)
            return ApiKeyOwner(retry_after=retry_after or None)
        return _owner(principal)

    async def take_rate_limit(query: TakeRateLimit) -> RateLimitTaken:
        results = await rate_limits.take(database, query.organization_id, query.caller, query.count)
        granted = min((each.granted for each in results), default=query.count)
        retry_after = max((each.retry_after_s for each in results if each.granted < query.count), default=0)
        return RateLimitTaken(granted=granted, retry_after=retry_after if granted < query.count else 0)

    async def count_failure(query: CountFailedCredential) -> FailedCredentialCounted:
        return FailedCredentialCounted(retry_after=await rate_limits.count_failure(database, query.client))

    key = ModelEndpoint(VerifyApiKey, verify_key)
    rate_limit = ModelEndpoint(TakeRateLimit, take_rate_limit)
    failure = ModelEndpoint(CountFailedCredential, count_failure)
    return [key, rate_limit, failure]


def _owner(principal: Principal) -> ApiKeyOwner:
    if principal.instance_ids is not None:
        return ApiKeyOwner(limited=True)
    return ApiKeyOwner(
        organization_id=principal.organization_id,
        key_id=principal.subject.removeprefix(API_KEY_SUBJECT_PREFIX),
        scopes=sorted(principal.scopes),
        expires_at=principal.expires_at,
    )
