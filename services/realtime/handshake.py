"""Authentication of a socket: an access token or an API key, from the handshake, a header or the query."""

from urllib.parse import parse_qs

from pydantic import ValidationError

from services.realtime.allowed_origins import Environ
from services.realtime.rate_budget import too_many_failures
from shared.contracts.access_tokens import read_token
from shared.contracts.errors import Problem
from shared.contracts.principal import API_KEY_PREFIX, API_KEY_SUBJECT_PREFIX, Principal
from shared.contracts.queries import MAX_KEY, ApiKeyOwner, VerifyApiKey
from shared.messaging.client import NatsClient
from shared.messaging.rpc_client import rpc_request
from shared.platform.token_keys import VerificationKeys

KEY_QUERY_TIMEOUT_S = 3.0
"""For the api to answer whose key it is."""


def token_of(environ: Environ, auth: object) -> str:
    """`auth: {token}`, else `Authorization: Bearer`, else `X-Api-Key`, else `?token=`. Raises Problem 401."""
    if isinstance(auth, dict) and isinstance(auth.get("token"), str) and auth["token"]:
        return str(auth["token"]).removeprefix("Bearer ")
    header = str(environ.get("HTTP_AUTHORIZATION", ""))
    if header.startswith("Bearer "):
        return header.removeprefix("Bearer ").strip()
    query = parse_qs(str(environ.get("QUERY_STRING", ""))).get("token", [""])[0]
    if token := str(environ.get("HTTP_X_API_KEY", "")) or query:
        return token
    raise Problem(401, "token_missing", "give an access token or API key in the handshake: auth: {token}")


async def identify(token: str, keys: VerificationKeys, client: NatsClient, address: str) -> Principal:
    """Raises Problem 401 for an invalid token, 429 after too many wrong keys from this address, 503 when the api cannot
    check a key."""
    return await _key_owner(token, client, address) if token.startswith(API_KEY_PREFIX) else read_token(token, keys)


async def _key_owner(key: str, client: NatsClient, address: str) -> Principal:
    if len(key) > MAX_KEY or not key.isascii():
        raise Problem(401, "token_invalid", "this is no API key; make one at /api/api-keys")
    query = VerifyApiKey(organization_id="unknown", key=key, client=address)
    try:
        owner = ApiKeyOwner.model_validate(await rpc_request(client, query, KEY_QUERY_TIMEOUT_S))
    except (Problem, ValidationError) as error:
        raise Problem(503, "key_unverified", "the API key cannot be checked right now; try again") from error
    if owner.retry_after:
        raise too_many_failures(owner.retry_after)
    if owner.limited:
        detail = "this API key is limited to instances, and a socket hears the whole organization; use another key"
        raise Problem(403, "key_limited", detail)
    if not owner.organization_id:
        raise Problem(401, "token_invalid", "the API key is unknown, expired or revoked", counted=True)
    return Principal.model_validate(
        {
            "organization_id": owner.organization_id,
            "subject": f"{API_KEY_SUBJECT_PREFIX}{owner.key_id}",
            "scopes": owner.scopes,
            "expires_at": owner.expires_at,
        }
    )
