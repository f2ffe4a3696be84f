"""Guessing passwords gets slower with every failure, for an account and for an address. Nothing is ever locked.

A device or an address the user logged in from before has a counter of its own: what strangers do to the account does
not delay it. An attempt that has to wait is answered at once with 429 and counts for nothing.
"""

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from services.api.store.login_attempts import Bucket, LoginAttempts, Taken
from shared.errors import Problem

MAX_ACCOUNT_DELAY_MS = 60_000
"""Shorter than that of an address: one address cannot keep an account waiting, its own delay grows beyond this one."""
MAX_ADDRESS_DELAY_MS = 900_000


@dataclass
class Attempt:
    """One password that is being checked. It counts as failed unless `succeeded` is set."""

    succeeded: bool = False


@dataclass(frozen=True)
class Throttle:
    """`failures`, `address_failures`: how many are free of delay for an account, and for an address."""

    attempts: LoginAttempts
    failures: int
    address_failures: int

    def _buckets(self, email: str, address: str, known_as: str | None) -> list[Bucket]:
        if known_as:
            return [Bucket(known_as, self.failures, MAX_ACCOUNT_DELAY_MS)]
        account = f"account:{hashlib.sha256(email.encode()).hexdigest()}"
        return [
            Bucket(f"address:{address}", self.address_failures, MAX_ADDRESS_DELAY_MS),
            Bucket(account, self.failures, MAX_ACCOUNT_DELAY_MS),
        ]

    @asynccontextmanager
    async def attempt(self, email: str, address: str, known_as: str | None) -> AsyncIterator[Attempt]:
        """`known_as`: the known device or address of the account's user. Raises Problem 429 `too_many_logins`.

        An attempt that ends with a Problem was not carried out: it counts for nothing."""
        taken = await self._take(self._buckets(email, address, known_as))
        attempt = Attempt()
        try:
            yield attempt
        except Problem:
            await self._refund(taken)
            raise
        if attempt.succeeded:
            await self._succeeded(taken)

    async def _take(self, buckets: Sequence[Bucket]) -> list[Taken]:
        taken: list[Taken] = []
        for bucket in buckets:
            taken.append(await self.attempts.take(bucket))
            if wait := taken[-1].wait_s:
                await self._refund(taken[:-1])
                detail = f"too many failed logins; try again in {wait} s"
                raise Problem(429, "too_many_logins", detail, retry_after=wait)
        return taken

    async def _refund(self, taken: Sequence[Taken]) -> None:
        for one in taken:
            await self.attempts.refund(one)

    async def _succeeded(self, taken: Sequence[Taken]) -> None:
        """The account's failures are forgotten. Those of the address stay: otherwise a login to an account of one's own
        would make room for more guesses at others'."""
        for one in taken:
            if one.bucket.name.startswith("address:"):
                await self.attempts.refund(one)
            else:
                await self.attempts.forget(one.bucket)
