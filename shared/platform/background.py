"""Background tasks: all are started here, so that none ends unnoticed (docs/decisions/0039).

When a task fails, `run_critical` ends the process with an error, `keep_running` restarts the task after a delay, and
`run_once` logs the error. Each unexpected end is counted in `switchboard_task_failures`.
"""

import asyncio
import logging
import os
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from prometheus_client import Counter

T = TypeVar("T")
Work = Callable[[], Awaitable[None]]

RESTART_DELAYS_S = (0.5, 2.0, 10.0, 30.0)
"""Before the first, second, ... restart in a row; the last one holds for all further ones."""
HEALTHY_RUN_S = 60.0
"""After a run of this length the next restart has the shortest delay again."""
CANCEL_INTERVAL_S = 1.0
FORCED_EXIT_S = 20.0
"""After a critical task failed, the process has this long to close its connections; then it is killed."""
TASK_FAILED = 70
"""Exit code of a process whose critical task failed."""

FAILURES = Counter("switchboard_task_failures", "Background tasks that ended unexpectedly, by task", ["task"])
log = logging.getLogger(__name__)


class UnexpectedEnd(RuntimeError):
    """A task that must run for ever returned, or something it awaited was cancelled."""


class ProcessEnd:
    """Ends this process with an error. `serve` sets `stop`, which must not block; without it, as in tests that run a
    service inside their own process, the failure is only logged."""

    def __init__(self) -> None:
        self.failed_task: str | None = None
        self.stop: Callable[[], None] | None = None

    def end(self, task: str) -> None:
        """Shut down gracefully, and exit after FORCED_EXIT_S in any case."""
        if self.stop is None or self.failed_task:
            return
        self.failed_task = task
        self.stop()
        forced = threading.Timer(FORCED_EXIT_S, os._exit, (TASK_FAILED,))
        forced.daemon = True
        forced.start()


process_end = ProcessEnd()
_running: set[asyncio.Task[Any]] = set()
"""Strong references: asyncio holds only weak ones."""


def run_critical(name: str, work: Work, on_end: Callable[[], None] = lambda: None) -> asyncio.Task[None]:
    """Run `work`, which never returns. When it ends other than by `stop_task`, `on_end` is called and the process exits
    with TASK_FAILED. `on_end` must not block; it suspends what must not continue without this task."""

    async def run() -> None:
        try:
            await _run_forever(work)
        except Exception as error:
            FAILURES.labels(name).inc()
            log.critical("the critical task %s ended, so this process exits: %r", name, error, exc_info=error)
            try:
                on_end()
            finally:
                process_end.end(name)

    return _start(name, run())


def keep_running(name: str, work: Work, *, endless: bool = True) -> asyncio.Task[None]:
    """Run `work` and restart it after an error, with RESTART_DELAYS_S. endless: also after it returned."""

    async def run() -> None:
        failures = 0
        while True:
            started_at = time.monotonic()
            try:
                await (_run_forever(work) if endless else _run_uncancelled(work()))
                return
            except Exception as error:
                failures = 1 if time.monotonic() - started_at > HEALTHY_RUN_S else failures + 1
                delay_s = RESTART_DELAYS_S[min(failures, len(RESTART_DELAYS_S)) - 1]
                FAILURES.labels(name).inc()
                log.error("the task %s failed and restarts in %g s: %r", name, delay_s, error, exc_info=error)
                await asyncio.sleep(delay_s)

    return _start(name, run())


def run_once(name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Run `work` to its end; an error is logged and counted, and awaiting the task does not raise it."""

    async def run() -> None:
        try:
            await _run_uncancelled(work)
        except Exception as error:
            log_failure(name, error)

    task = _start(name, run())
    task.add_done_callback(lambda _: work.close())  # a coroutine that never started would warn
    return task


def log_failure(name: str, error: BaseException) -> None:
    """Log and count an error that the caller handles itself."""
    FAILURES.labels(name).inc()
    log.error("the task %s failed: %r", name, error, exc_info=error)


def start_awaited(name: str, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """A task whose result or error is awaited by the caller."""
    return _start(name, work)


async def run_together(*work: Awaitable[T]) -> list[T]:
    """Run all of `work` at the same time, wait until all have ended, and return their results in order.

    Raises the first error, in their order; unlike `asyncio.gather` only then, so that nothing of a failed handler is
    still writing while its message is handled again."""
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


async def stop_task(task: asyncio.Task[Any]) -> None:
    """Cancel the task until it has ended: a cancellation that arrives together with a result can be lost."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=CANCEL_INTERVAL_S)


async def finish_tasks(
    tasks: set[asyncio.Task[Any]], timeout_s: float, on_timeout: Callable[[], None] = lambda: None
) -> bool:
    """Wait until the set is empty, at most `timeout_s`; then call `on_timeout` and cancel the remaining tasks.

    Returns False when tasks remained.
    """
    end = time.monotonic() + timeout_s
    while tasks and (left := end - time.monotonic()) > 0:
        await asyncio.wait(tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(0)  # the owner of the set removes finished tasks
    late = [task for task in tasks if not task.done()]
    if late:
        on_timeout()
    for task in late:
        task.cancel()
    if late:
        await asyncio.wait(late, timeout=CANCEL_INTERVAL_S)
    return not late


def _start(name: str, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    task = asyncio.create_task(work, name=name)
    _running.add(task)
    task.add_done_callback(_running.discard)
    return task


async def _run_forever(work: Work) -> None:
    await _run_uncancelled(work())
    raise UnexpectedEnd("it returned, but must run for ever")


async def _run_uncancelled(work: Awaitable[None]) -> None:
    """A cancellation that was not requested for this task, such as of a future it awaits, is an error."""
    try:
        await work
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise UnexpectedEnd("something it waited for was cancelled") from error
