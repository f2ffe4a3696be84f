"""Password hashes (argon2id), computed off the event loop and only a few at once: each takes 64 MiB."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.api.access.hashing_line import HashClient, HashingLine

_hasher = PasswordHasher()
_NOBODY = _hasher.hash("nobody has this password")
"""Checked when the user is unknown, so that the answer takes as long as for a known one."""


class Passwords:
    """Both raise Problem 503 `logins_busy` when too many others wait."""

    def __init__(self, line: HashingLine | None = None) -> None:
        self._line = line or HashingLine()

    async def hash(self, password: str, client: HashClient) -> str:
        async with self._line.slot(client):
            return await asyncio.to_thread(_hasher.hash, password)

    async def matches(self, password: str, hashed: str | None, client: HashClient) -> bool:
        """False for None too, after the same work."""
        async with self._line.slot(client):
            return await asyncio.to_thread(_verify, password, hashed or _NOBODY) and hashed is not None


def _verify(password: str, hashed: str) -> bool:
    try:
        return _hasher.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False
