"""Password hashes (argon2id), computed off the event loop and only a few at once: each takes 64 MiB."""

import asyncio
import base64
import hmac
import secrets
from collections.abc import Sequence
from contextlib import AbstractContextManager

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError
from argon2.low_level import hash_secret

from services.api.access.hashing_line import HashClient, HashingLine

_SALT_BYTES = 16
_hasher = PasswordHasher()
_NOBODY = _hasher.hash("nobody has this password")
"""Checked when the user is unknown, so that the answer takes as long as for a known one."""


class Passwords:
    """All raise Problem 503 `logins_busy` when too many wait, 429 `too_many_logins` when one client has too many."""

    def __init__(self, line: HashingLine | None = None) -> None:
        self._line = line or HashingLine()

    def place(self, client: HashClient) -> AbstractContextManager[None]:
        """To be held around `matching` and what is written before it."""
        return self._line.place(client)

    async def hash(self, password: str, client: HashClient, beside: Sequence[str] = ()) -> str:
        """`beside`: hashes of the other users with the same e-mail address. They share their salt, so that a login
        costs one hash however many there are, and its time does not tell the number."""
        with self._line.place(client):
            async with self._line.slot(client):
                return await asyncio.to_thread(_hasher.hash, password, salt=_salt_of(beside))

    async def matching(self, password: str, hashes: Sequence[str], client: HashClient) -> list[int]:
        """The places of the hashes this password fits. None after the same work when there are no hashes."""
        async with self._line.slot(client):
            fitting = await asyncio.to_thread(_matching, password, hashes or [_NOBODY])
        return fitting if hashes else []


def _matching(password: str, hashes: Sequence[str]) -> list[int]:
    computed: dict[str, str] = {}
    for hashed in hashes:
        prefix = _prefix(hashed)
        if prefix not in computed:
            computed[prefix] = _hashed_like(hashed, password)
    return [place for place, hashed in enumerate(hashes) if hmac.compare_digest(computed[_prefix(hashed)], hashed)]


def _prefix(hashed: str) -> str:
    """Parameters and salt."""
    return hashed.rpartition("$")[0]


def _hashed_like(hashed: str, password: str) -> str:
    """With the same parameters and salt; something that fits nothing when it is no hash."""
    try:
        like = extract_parameters(hashed)
    except InvalidHashError:
        return "no hash"
    made = hash_secret(
        password.encode(), _salt(hashed), time_cost=like.time_cost, memory_cost=like.memory_cost,
        parallelism=like.parallelism, hash_len=like.hash_len, type=like.type, version=like.version,
    )  # fmt: skip
    return made.decode()


def _salt_of(hashes: Sequence[str]) -> bytes:
    """Of the first one that is a hash; a new one when there is none."""
    for hashed in hashes:
        if hashed.startswith("$argon2"):
            return _salt(hashed)
    return secrets.token_bytes(_SALT_BYTES)


def _salt(hashed: str) -> bytes:
    text = hashed.split("$")[-2]
    return base64.b64decode(text + "=" * (-len(text) % 4))
