"""Slows down password guessing: every failed login of an account or an address delays its next one. Nothing is locked.

A device or address from which the user logged in before has a counter of its own, so failures of strangers do not delay
it. An attempt that would have to wait is answered 429 at once and is not counted.
"""

import hashlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from services.api.store.login_attempts import BucketAttempt, LoginAttempts, LoginBucket
from shared.contracts.errors import Problem

MAX_ACCOUNT_DELAY_MS = 60_000
"""Shorter than MAX_ADDRESS_DELAY_MS: one address cannot block an account for long, since its own delay becomes
longer."""
MAX_ADDRESS_DELAY_MS = 900_000


@dataclass
class PasswordAttempt:
    """One password that is checked against those of `allowed_users` (ids). The caller sets `matching_users`: without
    any, the attempt counts as failed for all allowed users; with one, it was no guess at the others.
    `refusal_of_others`: Problem 429 `too_many_logins` when some users are not allowed."""

    allowed_users: frozenset[str]
    refusal_of_others: Problem | None = None
    matching_users: Collection[str] = ()


@dataclass(frozen=True)
class _UserGroup:
    """Users who share buckets: a user for whom the client is known has one of its own, all others share the buckets of
    strangers. `resets_on_success`: a login resets the account's failures; not when they may be those of another user
    with the same e-mail address."""

    users: frozenset[str]
    buckets: tuple[LoginBucket, ...]
    resets_on_success: bool


_GroupAttempts = tuple[_UserGroup, list[BucketAttempt]]


@dataclass(frozen=True)
class LoginThrottle:
    """`free_failures`, `free_address_failures`: failures without a delay, of an account and of an address.

    A device is known for one user only: users of several organizations may have the same e-mail address, and one of
    them must not guess the passwords of the others without delay.
    """

    attempts: LoginAttempts
    free_failures: int
    free_address_failures: int

    def _groups(
        self, email: str, address: str, users: Collection[str], known_clients: Mapping[str, str]
    ) -> list[_UserGroup]:
        groups = [
            _UserGroup(
                frozenset({user}),
                (LoginBucket(known_clients[user], self.free_failures, MAX_ACCOUNT_DELAY_MS),),
                resets_on_success=True,
            )
            for user in users
            if user in known_clients
        ]
        other_users = frozenset(users) - frozenset(known_clients)
        if other_users or not groups:
            account = f"account:{hashlib.sha256(email.encode()).hexdigest()}"
            address_bucket = LoginBucket(f"address:{address}", self.free_address_failures, MAX_ADDRESS_DELAY_MS)
            buckets = (address_bucket, LoginBucket(account, self.free_failures, MAX_ACCOUNT_DELAY_MS))
            groups.append(_UserGroup(other_users, buckets, resets_on_success=len(users) <= 1))
        return groups

    @asynccontextmanager
    async def attempt(
        self, email: str, address: str, users: Collection[str], known_clients: Mapping[str, str]
    ) -> AsyncIterator[PasswordAttempt]:
        """`users`: ids of those with this e-mail address. `known_clients`: by user id, the name of the known device or
        address. Raises Problem 429 `too_many_logins` when all users have to wait.

        If the context ends with a Problem, the password was not checked, and nothing is counted."""
        group_attempts: list[_GroupAttempts] = []
        refusals: list[Problem] = []
        for group in self._groups(email, address, users, known_clients):
            try:
                group_attempts.append((group, await self._take(group.buckets)))
            except Problem as problem:
                refusals.append(problem)
        shortest_refusal = min(refusals, key=_wait_s_of, default=None)
        if shortest_refusal and not group_attempts:
            raise shortest_refusal
        attempt = PasswordAttempt(
            frozenset[str]().union(*(group.users for group, _ in group_attempts)), shortest_refusal
        )
        try:
            yield attempt
        except Problem:
            for _, attempts in group_attempts:
                await self._refund(attempts)
            raise
        await self._settle(group_attempts, frozenset(attempt.matching_users))

    async def _settle(
        self, group_attempts: Sequence[tuple[_UserGroup, list[BucketAttempt]]], matching: frozenset[str]
    ) -> None:
        for group, attempts in group_attempts:
            if group.resets_on_success and group.users & matching:
                await self._record_success(attempts)
            elif matching:
                await self._refund(attempts)

    async def _take(self, buckets: Sequence[LoginBucket]) -> list[BucketAttempt]:
        attempts: list[BucketAttempt] = []
        for bucket in buckets:
            attempts.append(await self.attempts.take(bucket))
            if wait_s := attempts[-1].wait_s:
                await self._refund(attempts[:-1])
                detail = f"too many failed logins; try again in {wait_s} s"
                raise Problem(429, "too_many_logins", detail, retry_after=wait_s)
        return attempts

    async def _refund(self, attempts: Sequence[BucketAttempt]) -> None:
        for attempt in attempts:
            await self.attempts.refund(attempt)

    async def _record_success(self, attempts: Sequence[BucketAttempt]) -> None:
        """Reset the account's failures. Those of the address stay: otherwise logins to one's own account would allow
        more guesses at others."""
        for attempt in attempts:
            if attempt.bucket.name.startswith("address:"):
                await self.attempts.refund(attempt)
            else:
                await self.attempts.reset(attempt.bucket)


def _wait_s_of(refusal: Problem) -> int:
    wait_s = refusal.extra["retry_after"]
    assert isinstance(wait_s, int)
    return wait_s
