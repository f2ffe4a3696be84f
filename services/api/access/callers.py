"""Authentication: the principal of an access token or API key, with the rights that its user has now. Tokens of removed
users and of ended logins are refused."""

from services.api.store.api_keys import ApiKeys
from services.api.store.logins import Logins
from services.api.store.users import Users
from shared.contracts.access_tokens import read_token
from shared.contracts.errors import Problem
from shared.contracts.principal import API_KEY_PREFIX, ROLE_SCOPES, Principal
from shared.platform.mongo import Database
from shared.platform.token_keys import VerificationKeys


async def authenticate(database: Database, keys: VerificationKeys, token: str) -> Principal:
    """`token`: an access token or an API key. Raises Problem 401."""
    if token.startswith(API_KEY_PREFIX):
        principal = await ApiKeys(database.api_keys).principal_by_key(token)
        if principal is None:
            raise Problem(401, "api_key_invalid", "the API key is unknown, expired or revoked")
        return principal
    return await _current_principal(database, read_token(token, keys))


async def _current_principal(database: Database, token_principal: Principal) -> Principal:
    """Organization and role are read from the user in the database; a token that contradicts them is refused."""
    if token_principal.session_id:
        await Logins(database.logins).require_open(token_principal.session_id, token_principal.subject)
    user = await Users(database).access_of(token_principal.subject)
    if user is None:
        raise Problem(
            401, "token_invalid", "the token belongs to no user; other programs use an API key (/api/api-keys)"
        )
    if user.organization_id != token_principal.organization_id:
        raise Problem(401, "token_invalid", "the token names another organization than its user's; log in again")
    if user.is_removed:
        raise Problem(401, "user_removed", "this user was removed from the organization; ask its owner")
    current = token_principal.with_role(user.role)
    if token_principal.role is None:
        return current.model_copy(update={"scopes": token_principal.scopes & ROLE_SCOPES[user.role]})
    return current
