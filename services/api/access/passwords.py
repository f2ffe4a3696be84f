"""Password hashes (argon2id), computed off the event loop and only a few at once: each takes 46 MiB.

One thread for each hash: with several, two logins take all processors from everything else on the machine.
"""

import asyncio
import base64
import hmac
import os
import secrets
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from typing import TypeVar

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError
from argon2.low_level import hash_secret

from services.api.access.hash_queue import MAX_CONCURRENT_HASHES, HashClient, PasswordHashQueue

T = TypeVar("T")

_SALT_BYTES = 16
_hasher = PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1)
"""The first parameters that OWASP's Password Storage Cheat Sheet names for argon2id; 47 ms of processor, measured."""
_STRANGER_THREAD_NICENESS = 10
_NOBODY = _hasher.hash("nobody has this password")
"""Checked when the user is unknown, so that the answer takes as long as for a known one."""


class Passwords:
    """All raise Problem 503 `logins_busy` when too many wait, 429 `too_many_logins` when one client has too many."""

    def __init__(self, line: PasswordHashQueue | None = None) -> None:
        self._queue = line or PasswordHashQueue()
        self._known_pool = ThreadPoolExecutor(MAX_CONCURRENT_HASHES, "password")
        self._stranger_pool = ThreadPoolExecutor(MAX_CONCURRENT_HASHES, "password-stranger", _lower_thread_priority)

    def close(self) -> None:
        """Hashes that began come to their end."""
        for pool in (self._known_pool, self._stranger_pool):
            pool.shutdown(wait=False, cancel_futures=True)

    def admit(self, client: HashClient) -> AbstractContextManager[None]:
        """To be held around `matching` and what is written before it."""
        return self._queue.admit(client)

    async def hash(self, password: str, client: HashClient, beside: Sequence[str] = ()) -> str:
        """`beside`: hashes of the other users with the same e-mail address. They share their salt, so that a login
        costs one hash however many there are, and its time does not tell the number."""
        with self._queue.admit(client):
            async with self._queue.slot(client):
                return await self._run(client, lambda: _hasher.hash(password, salt=_shared_salt(beside)))

    async def matching_indexes(self, password: str, hashes: Sequence[str], client: HashClient) -> list[int]:
        """The places of the hashes this password fits. None after the same work when there are no hashes."""
        async with self._queue.slot(client):
            fitting = await self._run(client, lambda: _matching_indexes(password, hashes or [_NOBODY]))
        return fitting if hashes else []

    async def _run(self, client: HashClient, work: Callable[[], T]) -> T:
        """Strangers' hashes get the processor time that nothing else on the machine needs."""
        pool = self._known_pool if client.known else self._stranger_pool
        return await asyncio.get_running_loop().run_in_executor(pool, work)


def is_outdated(hashed: str) -> bool:
    """It was made with other parameters than a new one would be."""
    try:
        return _hasher.check_needs_rehash(hashed)
    except InvalidHashError:
        return False


def _lower_thread_priority() -> None:
    if sys.platform == "linux":  # where a priority belongs to a thread
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _STRANGER_THREAD_NICENESS)


def _matching_indexes(password: str, hashes: Sequence[str]) -> list[int]:
    computed: dict[str, str] = {}
    for hashed in hashes:
        prefix = _prefix(hashed)
        if prefix not in computed:
            computed[prefix] = _hash_with_parameters_of(hashed, password)
    return [place for place, hashed in enumerate(hashes) if hmac.compare_digest(computed[_prefix(hashed)], hashed)]


def _prefix(hashed: str) -> str:
    """Parameters and salt."""
    return hashed.rpartition("$")[0]


def _hash_with_parameters_of(hashed: str, password: str) -> str:
    """With the same parameters and salt; something that fits nothing when it is no hash."""
    try:
        like = extract_parameters(hashed)
    except InvalidHashError:
        return "no hash"
    made = hash_secret(
        password.encode(),
        _salt(hashed),
        time_cost=like.time_cost,
        memory_cost=like.memory_cost,
        parallelism=like.parallelism,
        hash_len=like.hash_len,
        type=like.type,
        version=like.version,
    )
    return made.decode()


def _shared_salt(hashes: Sequence[str]) -> bytes:
    """Of the first one that is a hash; a new one when there is none."""
    for hashed in hashes:
        if hashed.startswith("$argon2"):
            return _salt(hashed)
    return secrets.token_bytes(_SALT_BYTES)


def _salt(hashed: str) -> bytes:
    text = hashed.split("$")[-2]
    return base64.b64decode(text + "=" * (-len(text) % 4))
