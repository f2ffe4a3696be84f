"""Whose token or API key is this, as of now: a removed user and an ended login open nothing, a new role counts."""

from services.api.store.api_keys import ApiKeys
from services.api.store.logins import Logins
from services.api.store.members import role_of
from shared.auth import API_KEY_PREFIX, ROLE_SCOPES, Principal, read_token
from shared.errors import Problem
from shared.mongo import Database


async def identify(database: Database, secret: str, token: str) -> Principal:
    """`token`: an access token or an API key. Raises Problem 401."""
    if token.startswith(API_KEY_PREFIX):
        owner = await ApiKeys(database.api_keys).owner(token)
        if owner is None:
            raise Problem(401, "api_key_invalid", "the API key is unknown, expired or revoked")
        return owner
    return await _as_of_now(database, read_token(token, secret))


async def _as_of_now(database: Database, claimed: Principal) -> Principal:
    """A subject nobody registered is another program of who holds the secret: its token says what it may."""
    if claimed.session_id:
        await Logins(database.logins).require_open(claimed.session_id)
    user = await database.users.find_one({"_id": claimed.subject}, {"role": 1, "removed_at": 1})
    if user is None:
        return claimed
    if user.get("removed_at"):
        raise Problem(401, "user_removed", "this user was removed from the organization; ask its owner")
    current = claimed.has_role(role_of(user))
    if claimed.role is None:
        return current.model_copy(update={"scopes": claimed.scopes & ROLE_SCOPES[role_of(user)]})
    return current
