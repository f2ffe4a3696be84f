"""One way for every route that checks a password: who asks, how often, and what a device is known by."""

from dataclasses import dataclass

from fastapi import Request, Response

from services.api.access.hashing_line import HashClient
from services.api.context import Context
from services.api.store.login_devices import Origin, cookie_name
from shared.mongo import Document

DEVICE_COOKIE_PATH = "/api/auth"
_NOBODY = "nobody"


@dataclass(frozen=True)
class Person:
    """`user`: None for an address nobody has; the same is done for it, so that nothing tells the two apart."""

    email: str
    user: Document | None

    @property
    def id(self) -> str:
        return self.user["_id"] if self.user else _NOBODY

    @property
    def password_hash(self) -> str | None:
        return self.user.get("password_hash") if self.user else None


def address_of(request: Request) -> str:
    """The client's, as trusted proxies say; empty when it did not come over a network."""
    return request.client.host if request.client else ""


def origin_of(request: Request, user_id: str) -> Origin:
    return Origin(address_of(request), request.cookies.get(cookie_name(user_id)))


async def is_right(context: Context, request: Request, person: Person, password: str) -> bool:
    """Raises Problem 429 `too_many_logins`, 503 `logins_busy`."""
    origin = origin_of(request, person.id)
    known_as = await context.devices.known_as(person.id, origin)
    throttle = context.throttle
    async with throttle.attempt(throttle.buckets(person.email, origin.group, known_as)) as attempt:
        client = HashClient(known_as or origin.group, known=known_as is not None)
        attempt.succeeded = await context.passwords.matches(password, person.password_hash, client)
    return attempt.succeeded


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
