"""Whose token or API key is this, as of now: a removed user and an ended login open nothing, a new role counts."""

from services.api.store.api_keys import ApiKeys
from services.api.store.logins import Logins
from services.api.store.members import role_of
from shared.contracts.errors import Problem
from shared.contracts.principal import API_KEY_PREFIX, ROLE_SCOPES, Principal, read_token
from shared.platform.mongo import Database
from shared.platform.token_keys import VerificationKeys


async def authenticate(database: Database, keys: VerificationKeys, token: str) -> Principal:
    """`token`: an access token or an API key. Raises Problem 401."""
    if token.startswith(API_KEY_PREFIX):
        owner = await ApiKeys(database.api_keys).principal_by_key(token)
        if owner is None:
            raise Problem(401, "api_key_invalid", "the API key is unknown, expired or revoked")
        return owner
    return await _current_principal(database, read_token(token, keys))


async def _current_principal(database: Database, claimed: Principal) -> Principal:
    """The organization and the role are those of the user in the database, never what the token says alone."""
    if claimed.session_id:
        await Logins(database.logins).require_open(claimed.session_id, claimed.subject)
    user = await database.users.find_one({"_id": claimed.subject}, {"role": 1, "removed_at": 1, "organization_id": 1})
    if user is None:
        raise Problem(
            401, "token_invalid", "the token belongs to no user; other programs use an API key (/api/api-keys)"
        )
    if user["organization_id"] != claimed.organization_id:
        raise Problem(401, "token_invalid", "the token names another organization than its user's; log in again")
    if user.get("removed_at"):
        raise Problem(401, "user_removed", "this user was removed from the organization; ask its owner")
    current = claimed.with_role(role_of(user))
    if claimed.role is None:
        return current.model_copy(update={"scopes": claimed.scopes & ROLE_SCOPES[role_of(user)]})
    return current
