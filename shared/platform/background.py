"""Background tasks: each one is started here, so that none ends without being noticed (docs/decisions/0039).

Three kinds: `run_critical` ends the process with an error, `keep_running` starts the work again after a pause,
`run_once` writes the error down. Each unexpected end is counted in `switchboard_task_failures`.
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

RESTART_PAUSES_S = (0.5, 2.0, 10.0, 30.0)
"""Before work that ended by an error is started again, the first, second, ... time in a row."""
HEALTHY_RUN_S = 60.0
"""Work that ran this long before its error begins with the shortest pause again."""
CANCEL_INTERVAL_S = 1.0
FORCED_EXIT_S = 20.0
"""A process that a critical task ended has this long to close its connections; then it is ended at once."""
TASK_FAILED = 70
"""Exit code of a process that a critical task ended."""

FAILURES = Counter("switchboard_task_failures", "Background tasks that ended unexpectedly, by task", ["task"])
log = logging.getLogger(__name__)


class UnexpectedEnd(RuntimeError):
    """Work that has no end returned, or was cancelled by nobody who may."""


class ProcessEnd:
    """How the process this code runs in is ended with an error. `serve` sets `stop`, which must not block; without it,
    as in tests that run a service inside their own process, the failure is only written down."""

    def __init__(self) -> None:
        self.failed_task: str | None = None
        self.stop: Callable[[], None] | None = None

    def end(self, task: str) -> None:
        """Stop in order, and after FORCED_EXIT_S in any case."""
        if self.stop is None or self.failed_task:
            return
        self.failed_task = task
        self.stop()
        forced = threading.Timer(FORCED_EXIT_S, os._exit, (TASK_FAILED,))
        forced.daemon = True
        forced.start()


process_end = ProcessEnd()
_running: set[asyncio.Task[Any]] = set()
"""asyncio itself holds tasks weakly."""


def run_critical(name: str, work: Work, on_end: Callable[[], None] = lambda: None) -> asyncio.Task[None]:
    """`work` has no end. When it ends by anything but `stop_task`, `on_end` is called, which suspends what must not go
    on without it and does not wait, and the process ends with TASK_FAILED."""

    async def run() -> None:
        try:
            await _without_end(work)
        except Exception as error:
            FAILURES.labels(name).inc()
            log.critical("the task %s ended, so this process ends: %r", name, error, exc_info=error)
            try:
                on_end()
            finally:
                process_end.end(name)

    return _start(name, run())


def keep_running(name: str, work: Work, *, endless: bool = True) -> asyncio.Task[None]:
    """After an error `work` is called again, RESTART_PAUSES_S later. endless: also after it returned."""

    async def run() -> None:
        failures = 0
        while True:
            began = time.monotonic()
            try:
                await (_without_end(work) if endless else _uncancelled(work()))
                return
            except Exception as error:
                failures = 1 if time.monotonic() - began > HEALTHY_RUN_S else failures + 1
                pause = RESTART_PAUSES_S[min(failures, len(RESTART_PAUSES_S)) - 1]
                FAILURES.labels(name).inc()
                log.error("the task %s failed and starts again in %g s: %r", name, pause, error, exc_info=error)
                await asyncio.sleep(pause)

    return _start(name, run())


def run_once(name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """A task that has an end; its error is written down and counted, and awaiting the task does not raise it."""

    async def run() -> None:
        try:
            await _uncancelled(work)
        except Exception as error:
            note_failure(name, error)

    task = _start(name, run())
    task.add_done_callback(lambda _: work.close())  # one that is cancelled before it began would warn
    return task


def note_failure(name: str, error: BaseException) -> None:
    """For work that deals with its error itself: write it down and count it."""
    FAILURES.labels(name).inc()
    log.error("the task %s failed: %r", name, error, exc_info=error)


def start_waited(name: str, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """A task whose result or error somebody waits for."""
    return _start(name, work)


async def stop_task(task: asyncio.Task[Any]) -> None:
    """Cancel until it has ended: what it waits for may swallow a cancellation that comes with its result."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=CANCEL_INTERVAL_S)


async def finish_tasks(
    tasks: set[asyncio.Task[Any]], timeout_s: float, on_timeout: Callable[[], None] = lambda: None
) -> bool:
    """Wait until the set is empty, at most so many seconds; then call `on_timeout` and cancel what is left.
    False: something was left."""
    end = time.monotonic() + timeout_s
    while tasks and (left := end - time.monotonic()) > 0:
        await asyncio.wait(tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(0)  # whoever owns the set takes out what is done
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


async def _without_end(work: Work) -> None:
    await _uncancelled(work())
    raise UnexpectedEnd("it returned, and it has no end")


async def _uncancelled(work: Awaitable[None]) -> None:
    """A cancellation that nobody asked of this task, say of a future it waits for, is an error like any other."""
    try:
        await work
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise UnexpectedEnd("something it waited for was cancelled") from error
