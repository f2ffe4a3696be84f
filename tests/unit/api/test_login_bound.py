"""How often a login may fail."""

import pytest

from services.api.access.login_bound import WINDOW, LoginBound
from shared.errors import Problem

ME, YOU = ("127.0.0.1", "me@example.org"), ("127.0.0.1", "you@example.org")


def test_attempts_beyond_the_bound_wait_until_the_oldest_is_forgotten() -> None:
    bound = LoginBound(2)
    bound.attempt(ME, 0)
    bound.attempt(ME, 10)
    with pytest.raises(Problem) as refused:
        bound.attempt(ME, 20)
    assert (refused.value.status, refused.value.extra["retry_after"]) == (429, WINDOW - 20 + 1)
    bound.attempt(ME, WINDOW)


def test_a_refused_attempt_does_not_prolong_the_wait() -> None:
    bound = LoginBound(1)
    bound.attempt(ME, 0)
    for second in range(1, 10):
        with pytest.raises(Problem):
            bound.attempt(ME, second)
    bound.attempt(ME, WINDOW)


def test_a_success_forgets_the_failures() -> None:
    bound = LoginBound(1)
    bound.attempt(ME, 0)
    bound.succeeded(ME)
    bound.attempt(ME, 1)


def test_one_users_failures_do_not_lock_out_another() -> None:
    bound = LoginBound(1)
    bound.attempt(ME, 0)
    bound.attempt(YOU, 0)


def test_memory_is_bounded() -> None:
    bound = LoginBound(1)
    for number in range(10_001):
        bound.attempt(("address", str(number)), 0)
    bound.attempt(("address", "0"), 0)  # the oldest was forgotten
    with pytest.raises(Problem):
        bound.attempt(("address", "10000"), 0)
