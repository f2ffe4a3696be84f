"""Guessing passwords gets slower with every failure, for an account and for an address. Nothing is ever locked.

A device or an address the user logged in from before has a counter of its own: what strangers do to the account does
not delay it. An attempt that has to wait is answered at once with 429 and counts for nothing.
"""

import hashlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from services.api.store.login_attempts import BucketAttempt, LoginAttempts, LoginBucket
from shared.contracts.errors import Problem

MAX_ACCOUNT_DELAY_MS = 60_000
"""Shorter than that of an address: one address cannot keep an account waiting, its own delay grows beyond this one."""
MAX_ADDRESS_DELAY_MS = 900_000


@dataclass
class PasswordAttempt:
    """One password that is being checked against those of the `allowed` users (by id). It counts as failed for whoever
    is not among the `fitting` ones; when it fits one of several, it was no guess at the others. `left_out`: why others
    are not allowed, Problem 429 `too_many_logins`."""

    allowed_users: frozenset[str]
    refusal_of_others: Problem | None = None
    matching_users: Collection[str] = ()


@dataclass(frozen=True)
class _UserGroup:
    """Users who share buckets: each that is known there has one of its own, all others those of strangers. `forgets`:
    a login forgets the failures of the account, which must not be those of another user with the same address."""

    users: frozenset[str]
    buckets: tuple[LoginBucket, ...]
    resets_on_success: bool


@dataclass(frozen=True)
class LoginThrottle:
    """`failures`, `address_failures`: how many are free of delay for an account, and for an address.

    Whom a device is known to counts for that user alone: users of several organizations may have the same e-mail
    address, and who is one of them must not guess at the others without delay.
    """

    attempts: LoginAttempts
    free_failures: int
    free_address_failures: int

    def _groups(
        self, email: str, address: str, users: Collection[str], known_as: Mapping[str, str]
    ) -> list[_UserGroup]:
        groups = [
            _UserGroup(
                frozenset({user}),
                (LoginBucket(known_as[user], self.free_failures, MAX_ACCOUNT_DELAY_MS),),
                resets_on_success=True,
            )
            for user in users
            if user in known_as
        ]
        strangers = frozenset(users) - frozenset(known_as)
        if strangers or not groups:
            account = f"account:{hashlib.sha256(email.encode()).hexdigest()}"
            of_address = LoginBucket(f"address:{address}", self.free_address_failures, MAX_ADDRESS_DELAY_MS)
            buckets = (of_address, LoginBucket(account, self.free_failures, MAX_ACCOUNT_DELAY_MS))
            groups.append(_UserGroup(strangers, buckets, resets_on_success=len(users) <= 1))
        return groups

    @asynccontextmanager
    async def attempt(
        self, email: str, address: str, users: Collection[str], known_as: Mapping[str, str]
    ) -> AsyncIterator[PasswordAttempt]:
        """`users`: ids of those with this e-mail address. `known_as`: the known device or address of some of them.
        Raises Problem 429 `too_many_logins` when all of them have to wait.

        An attempt that ends with a Problem was not carried out: it counts for nothing."""
        taken: list[tuple[_UserGroup, list[BucketAttempt]]] = []
        refused: list[Problem] = []
        for group in self._groups(email, address, users, known_as):
            try:
                taken.append((group, await self._take(group.buckets)))
            except Problem as problem:
                refused.append(problem)
        left_out = min(refused, key=_wait_of, default=None)
        if left_out and not taken:
            raise left_out
        attempt = PasswordAttempt(frozenset[str]().union(*(group.users for group, _ in taken)), left_out)
        try:
            yield attempt
        except Problem:
            for _, of_group in taken:
                await self._refund(of_group)
            raise
        await self._settle(taken, frozenset(attempt.matching_users))

    async def _settle(self, taken: Sequence[tuple[_UserGroup, list[BucketAttempt]]], fitting: frozenset[str]) -> None:
        for group, of_group in taken:
            if group.resets_on_success and group.users & fitting:
                await self._record_success(of_group)
            elif fitting:
                await self._refund(of_group)

    async def _take(self, buckets: Sequence[LoginBucket]) -> list[BucketAttempt]:
        taken: list[BucketAttempt] = []
        for bucket in buckets:
            taken.append(await self.attempts.take(bucket))
            if wait := taken[-1].wait_s:
                await self._refund(taken[:-1])
                detail = f"too many failed logins; try again in {wait} s"
                raise Problem(429, "too_many_logins", detail, retry_after=wait)
        return taken

    async def _refund(self, taken: Sequence[BucketAttempt]) -> None:
        for one in taken:
            await self.attempts.refund(one)

    async def _record_success(self, taken: Sequence[BucketAttempt]) -> None:
        """The account's failures are forgotten. Those of the address stay: otherwise a login to an account of one's own
        would make room for more guesses at others'."""
        for one in taken:
            if one.bucket.name.startswith("address:"):
                await self.attempts.refund(one)
            else:
                await self.attempts.reset(one.bucket)


def _wait_of(refusal: Problem) -> int:
    wait_s = refusal.extra["retry_after"]
    assert isinstance(wait_s, int)
    return wait_s
