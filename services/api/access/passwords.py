"""Password hashes (argon2id), computed in threads and only a few at once: each takes 46 MiB.

Each hash uses one thread: with more, two logins would occupy all processors of the machine.
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
"""The first parameters for argon2id in OWASP's Password Storage Cheat Sheet; measured: 47 ms of processor time."""
_STRANGER_THREAD_NICENESS = 10
_DUMMY_HASH = _hasher.hash("nobody has this password")
"""Checked when there is no such user, so that the response takes as long as for an existing one."""


class Passwords:
    """Methods raise Problem 503 `logins_busy` when too many hashes wait, 429 `too_many_logins` when one client has too
    many."""

    def __init__(self, queue: PasswordHashQueue | None = None) -> None:
        self._queue = queue or PasswordHashQueue()
        self._known_pool = ThreadPoolExecutor(MAX_CONCURRENT_HASHES, "password")
        self._stranger_pool = ThreadPoolExecutor(MAX_CONCURRENT_HASHES, "password-stranger", _lower_thread_priority)

    def close(self) -> None:
        """Running hashes finish; waiting ones are cancelled."""
        for pool in (self._known_pool, self._stranger_pool):
            pool.shutdown(wait=False, cancel_futures=True)

    def admit(self, client: HashClient) -> AbstractContextManager[None]:
        """To be held around `matching_indexes` and the writes before it."""
        return self._queue.admit(client)

    async def hash(self, password: str, client: HashClient, other_hashes: Sequence[str] = ()) -> str:
        """`other_hashes`: of the other users with the same e-mail address. All share one salt, so that a login computes
        one hash however many users there are, and its time does not reveal their number."""
        with self._queue.admit(client):
            async with self._queue.slot(client):
                return await self._run(client, lambda: _hasher.hash(password, salt=_shared_salt(other_hashes)))

    async def matching_indexes(self, password: str, hashes: Sequence[str], client: HashClient) -> list[int]:
        """The indexes of the hashes that match this password. Without any hashes, the same work is done."""
        async with self._queue.slot(client):
            indexes = await self._run(client, lambda: _matching_indexes(password, hashes or [_DUMMY_HASH]))
        return indexes if hashes else []

    async def _run(self, client: HashClient, work: Callable[[], T]) -> T:
        """Strangers' hashes run at a lower thread priority."""
        pool = self._known_pool if client.known else self._stranger_pool
        return await asyncio.get_running_loop().run_in_executor(pool, work)


def is_outdated(hashed: str) -> bool:
    """Whether it has other parameters than a new hash would have."""
    try:
        return _hasher.check_needs_rehash(hashed)
    except InvalidHashError:
        return False


def _lower_thread_priority() -> None:
    if sys.platform == "linux":  # elsewhere the priority belongs to the whole process
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _STRANGER_THREAD_NICENESS)


def _matching_indexes(password: str, hashes: Sequence[str]) -> list[int]:
    computed: dict[str, str] = {}
    for hashed in hashes:
        prefix = _prefix(hashed)
        if prefix not in computed:
            computed[prefix] = _hash_with_parameters_of(hashed, password)
    return [index for index, hashed in enumerate(hashes) if hmac.compare_digest(computed[_prefix(hashed)], hashed)]


def _prefix(hashed: str) -> str:
    """Parameters and salt."""
    return hashed.rpartition("$")[0]


def _hash_with_parameters_of(hashed: str, password: str) -> str:
    """With the parameters and the salt of `hashed`; a text that matches nothing when `hashed` is no hash."""
    try:
        parameters = extract_parameters(hashed)
    except InvalidHashError:
        return "no hash"
    digest = hash_secret(
        password.encode(),
        _salt(hashed),
        time_cost=parameters.time_cost,
        memory_cost=parameters.memory_cost,
        parallelism=parameters.parallelism,
        hash_len=parameters.hash_len,
        type=parameters.type,
        version=parameters.version,
    )
    return digest.decode()


def _shared_salt(hashes: Sequence[str]) -> bytes:
    """The salt of the first argon2 hash; a new one without any."""
    for hashed in hashes:
        if hashed.startswith("$argon2"):
            return _salt(hashed)
    return secrets.token_bytes(_SALT_BYTES)


def _salt(hashed: str) -> bytes:
    text = hashed.split("$")[-2]
    return base64.b64decode(text + "=" * (-len(text) % 4))
