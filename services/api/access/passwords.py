"""Password hashes (argon2id), computed off the event loop and only a few at once: each takes 64 MiB."""

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_hasher = PasswordHasher()
_NOBODY = _hasher.hash("nobody has this password")
"""Checked when the user is unknown, so that the answer takes as long as for a known one."""


class Passwords:
    def __init__(self, at_once: int = 2) -> None:
        self._slots = asyncio.Semaphore(at_once)

    async def hash(self, password: str) -> str:
        async with self._slots:
            return await asyncio.to_thread(_hasher.hash, password)

    async def matches(self, password: str, hashed: str | None) -> bool:
        """False for None too, after the same work."""
        async with self._slots:
            return await asyncio.to_thread(_verify, password, hashed or _NOBODY) and hashed is not None


def _verify(password: str, hashed: str) -> bool:
    try:
        return _hasher.verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False
