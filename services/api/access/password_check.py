"""One way for every route that checks a password: who asks, how often, and what a device is known by."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from fastapi import Request, Response

from services.api.access.hash_queue import HashClient
from services.api.access.passwords import is_outdated
from services.api.context import Context
from services.api.store.login_devices import Origin, cookie_name
from shared.contracts.errors import Problem
from shared.platform.mongo import Document
from shared.web.client_addresses import network_of

DEVICE_COOKIE_PATH = "/api/auth"
_NOBODY = "nobody"


def address_of(request: Request) -> str:
    """The client's, as trusted proxies say; empty when it did not come over a network."""
    return request.client.host if request.client else ""


def origin_of(request: Request, user_id: str) -> Origin:
    return Origin(address_of(request), request.cookies.get(cookie_name(user_id)))


@dataclass(frozen=True)
class Checked:
    """`fitting`: the users whose password it is. `left_out`: Problem 429 when others have to wait, else None."""

    fitting: list[Document]
    left_out: Problem | None


async def check_password(
    context: Context, request: Request, email: str, users: Sequence[Document], password: str
) -> Checked:
    """Of the users with this e-mail address. The same is done for an address of no user.

    Raises Problem 429 `too_many_logins`, 503 `logins_busy`.
    """
    origins = {user["_id"]: origin_of(request, user["_id"]) for user in users}
    known_as = await context.devices.known_as(origins or {_NOBODY: origin_of(request, _NOBODY)})
    group = network_of(address_of(request))
    client = HashClient(min(known_as.values(), default=group), known=bool(known_as))
    with context.passwords.place(client):
        async with context.throttle.attempt(email, group, list(origins), known_as) as attempt:
            checked = [user for user in users if user["_id"] in attempt.allowed]
            hashes = [user.get("password_hash") or "" for user in checked]
            places = await context.passwords.matching(password, hashes, client)
            fitting = [checked[place] for place in places]
            attempt.fitting = [user["_id"] for user in fitting]
    for user in fitting:
        if is_outdated(user["password_hash"]):
            with suppress(Problem):  # too many wait: the password is right, and the next login hashes it anew
                new = await context.passwords.hash(password, client, hashes)
                await context.users.rehash_password(user["_id"], user["password_hash"], new)
                user["password_hash"] = new
    return Checked(fitting, attempt.left_out)


async def remember_device(context: Context, request: Request, response: Response, user_id: str) -> None:
    """The next login from here is one of a known device."""
    response.set_cookie(
        cookie_name(user_id),
        await context.devices.remember(user_id, origin_of(request, user_id)),
        max_age=int(context.settings.device_ttl.total_seconds()),
        path=DEVICE_COOKIE_PATH,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
