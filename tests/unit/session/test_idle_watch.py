"""One watch releases all acknowledgements for which the library is found idle twice."""

import asyncio
import time

import pytest

from services.session.worker.library import idle_watch
from services.session.worker.library.idle_watch import IdleWatch
from services.session.worker.library.library_threads import LibraryThreads

NEVER = float("-inf")


class Threads(LibraryThreads):
    """Answers each check with the next of `answers`, the last one for ever."""

    def __init__(self, *answers: bool) -> None:
        super().__init__()
        self.checks = 0
        self._answers = list(answers)

    def any_busy(self) -> bool:
        self.checks += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


def quiet() -> float:
    return 1.0


async def test_the_library_must_be_idle_in_two_checks() -> None:
    threads = Threads(True, False, True, False, False)
    since = time.monotonic()
    assert await IdleWatch(threads).wait(quiet, since, 60) > since
    assert threads.checks == 5


async def test_a_library_that_is_never_idle_delays_for_the_timeout_only() -> None:
    assert await IdleWatch(Threads(True)).wait(quiet, time.monotonic(), 0.05) == NEVER


async def test_a_running_callback_delays_its_own_account_only() -> None:
    watch, since = IdleWatch(Threads(False)), time.monotonic()
    with_callback, without = await asyncio.gather(watch.wait(lambda: 0.0, since, 0.2), watch.wait(quiet, since, 60))
    assert with_callback == NEVER
    assert without > since


async def test_many_accounts_share_the_checks() -> None:
    threads = Threads(False)
    watch, since = IdleWatch(threads), time.monotonic()
    await asyncio.gather(*(watch.wait(quiet, since, 60) for _ in range(200)))
    assert threads.checks == 2


async def test_a_check_that_began_earlier_does_not_count() -> None:
    """What came in during the check may be on its way."""
    watch = IdleWatch(Threads(False))
    since = time.monotonic() + 0.05
    assert await watch.wait(quiet, since, 60) > since


async def test_the_watch_works_again_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle_watch, "CHECK_INTERVAL_S", 0.0)
    threads = Threads(False)
    watch = IdleWatch(threads)

    def failing() -> float:
        raise RuntimeError("broken")

    assert await watch.wait(failing, time.monotonic(), 0.05) == NEVER
    assert await watch.wait(quiet, time.monotonic(), 60) > 0
