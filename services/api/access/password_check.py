"""Checks a password for every route that needs one: with throttling, the hash queue and recognition of devices."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from fastapi import Request, Response

from services.api.access.hash_queue import HashClient
from services.api.access.passwords import is_outdated
from services.api.context import ApiContext
from services.api.store.login_devices import LoginOrigin, cookie_name
from services.api.store.user_records import UserRecord
from shared.contracts.errors import Problem
from shared.web.client_addresses import network_of

DEVICE_COOKIE_PATH = "/api/auth"
_NO_USER_ID = "nobody"


def client_address(request: Request) -> str:
    """As trusted proxies report it; empty for a request without a network."""
    return request.client.host if request.client else ""


def login_origin(request: Request, user_id: str) -> LoginOrigin:
    return LoginOrigin(client_address(request), request.cookies.get(cookie_name(user_id)))


@dataclass(frozen=True)
class PasswordCheck:
    """`matching_users`: users whose password it is. `refusal_of_others`: Problem 429 when other users have to wait."""

    matching_users: list[UserRecord]
    refusal_of_others: Problem | None


async def check_password(
    context: ApiContext, request: Request, email: str, users: Sequence[UserRecord], password: str
) -> PasswordCheck:
    """`users`: all with this e-mail address. Without any, the same work is done, so that its time reveals nothing.

    Raises Problem 429 `too_many_logins`, 503 `logins_busy`.
    """
    origins = {user.id: login_origin(request, user.id) for user in users}
    known_clients = await context.devices.known_clients(origins or {_NO_USER_ID: login_origin(request, _NO_USER_ID)})
    network = network_of(client_address(request))
    client = HashClient(min(known_clients.values(), default=network), known=bool(known_clients))
    with context.passwords.admit(client):
        async with context.login_throttle.attempt(email, network, list(origins), known_clients) as attempt:
            allowed = [user for user in users if user.id in attempt.allowed_users]
            hashes = [user.password_hash for user in allowed]
            indexes = await context.passwords.matching_indexes(password, hashes, client)
            matching = [allowed[index] for index in indexes]
            attempt.matching_users = [user.id for user in matching]
    for index, user in enumerate(matching):
        if is_outdated(user.password_hash):
            with suppress(Problem):  # the queue is full: the password is right, and the next login rehashes it
                new = await context.passwords.hash(password, client, hashes)
                await context.users.rehash_password(user.id, user.password_hash, new)
                matching[index] = replace(user, password_hash=new)
    return PasswordCheck(matching, attempt.refusal_of_others)


async def remember_device(context: ApiContext, request: Request, response: Response, user_id: str) -> None:
    """Set the device cookie: from now on this device is known for the user."""
    response.set_cookie(
        cookie_name(user_id),
        await context.devices.remember(user_id, login_origin(request, user_id)),
        max_age=int(context.settings.device_ttl.total_seconds()),
        path=DEVICE_COOKIE_PATH,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
