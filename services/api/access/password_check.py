"""One way for every route that checks a password: who asks, how often, and what a device is known by."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from fastapi import Request, Response

from services.api.access.hash_queue import HashClient
from services.api.access.passwords import is_outdated
from services.api.context import ApiContext
from services.api.store.login_devices import LoginOrigin, cookie_name
from shared.contracts.errors import Problem
from shared.platform.mongo import Document
from shared.web.client_addresses import network_of

DEVICE_COOKIE_PATH = "/api/auth"
_NOBODY = "nobody"


def client_address(request: Request) -> str:
    """The client's, as trusted proxies say; empty when it did not come over a network."""
    return request.client.host if request.client else ""


def login_origin(request: Request, user_id: str) -> LoginOrigin:
    return LoginOrigin(client_address(request), request.cookies.get(cookie_name(user_id)))


@dataclass(frozen=True)
class PasswordCheck:
    """`fitting`: the users whose password it is. `left_out`: Problem 429 when others have to wait, else None."""

    matching_users: list[Document]
    refusal_of_others: Problem | None


async def check_password(
    context: ApiContext, request: Request, email: str, users: Sequence[Document], password: str
) -> PasswordCheck:
    """Of the users with this e-mail address. The same is done for an address of no user.

    Raises Problem 429 `too_many_logins`, 503 `logins_busy`.
    """
    origins = {user["_id"]: login_origin(request, user["_id"]) for user in users}
    known_as = await context.devices.known_clients(origins or {_NOBODY: login_origin(request, _NOBODY)})
    group = network_of(client_address(request))
    client = HashClient(min(known_as.values(), default=group), known=bool(known_as))
    with context.passwords.admit(client):
        async with context.login_throttle.attempt(email, group, list(origins), known_as) as attempt:
            checked = [user for user in users if user["_id"] in attempt.allowed_users]
            hashes = [user.get("password_hash") or "" for user in checked]
            places = await context.passwords.matching_indexes(password, hashes, client)
            fitting = [checked[place] for place in places]
            attempt.matching_users = [user["_id"] for user in fitting]
    for user in fitting:
        if is_outdated(user["password_hash"]):
            with suppress(Problem):  # too many wait: the password is right, and the next login hashes it anew
                new = await context.passwords.hash(password, client, hashes)
                await context.users.rehash_password(user["_id"], user["password_hash"], new)
                user["password_hash"] = new
    return PasswordCheck(fitting, attempt.refusal_of_others)


async def remember_device(context: ApiContext, request: Request, response: Response, user_id: str) -> None:
    """The next login from here is one of a known device."""
    response.set_cookie(
        cookie_name(user_id),
        await context.devices.remember(user_id, login_origin(request, user_id)),
        max_age=int(context.settings.device_ttl.total_seconds()),
        path=DEVICE_COOKIE_PATH,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
