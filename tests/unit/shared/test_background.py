"""Background tasks that fail are noticed: written down, counted, started again, or the process ends with an error."""

import asyncio
import sys
from pathlib import Path

import pytest

from shared.platform import background
from shared.platform.background import (
    FAILURES,
    ProcessEnd,
    finish_tasks,
    keep_running,
    run_critical,
    run_once,
    run_together,
    stop_task,
)

ROOT = Path(__file__).parents[3]


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the tasks that ended the process."""
    names: list[str] = []
    end = ProcessEnd()
    monkeypatch.setattr(end, "end", names.append)
    monkeypatch.setattr(background, "process_end", end)
    return names


def failures(name: str) -> float:
    return float(FAILURES.labels(name)._value.get())


async def raises_key_error() -> None:
    raise KeyError("a bug")


async def returns() -> None:
    return


async def waits_for_what_is_cancelled() -> None:
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


ENDINGS = [raises_key_error, returns, waits_for_what_is_cancelled]


@pytest.mark.parametrize("work", ENDINGS)
async def test_a_critical_task_that_ends_suspends_and_ends_the_process(work: background.Work, ended: list[str]) -> None:
    suspended: list[str] = []
    task = run_critical("critical", work, lambda: suspended.append("now"))
    await asyncio.wait_for(task, 10)
    assert (suspended, ended) == (["now"], ["critical"])


async def test_a_failing_suspension_does_not_keep_the_process(ended: list[str]) -> None:
    def broken() -> None:
        raise KeyError("another bug")

    task = run_critical("critical", raises_key_error, broken)
    await asyncio.wait({task}, timeout=10)
    assert ended == ["critical"]


async def test_a_critical_task_that_is_stopped_ends_nothing(ended: list[str]) -> None:
    task = run_critical("stopped", asyncio.Event().wait)  # type: ignore[arg-type]
    await asyncio.sleep(0)
    await stop_task(task)
    assert (ended, failures("stopped")) == ([], 0)


@pytest.mark.parametrize("work", ENDINGS)
async def test_a_kept_task_starts_again(work: background.Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "RESTART_DELAYS_S", (0.0,))
    again, runs = asyncio.Event(), [0]

    async def run() -> None:
        runs[0] += 1
        if runs[0] <= 3:
            await work()
            return
        again.set()
        await asyncio.Event().wait()

    before = failures("kept")
    task = keep_running("kept", run)
    await asyncio.wait_for(again.wait(), 10)
    assert failures("kept") == before + 3
    await stop_task(task)


async def test_a_kept_task_with_an_end_ends_when_it_returns() -> None:
    await asyncio.wait_for(keep_running("ends", returns, endless=False), 10)
    assert failures("ends") == 0


async def test_a_task_that_runs_once_never_fails_unseen(caplog: pytest.LogCaptureFixture) -> None:
    task = run_once("single", raises_key_error())
    await asyncio.wait_for(task, 10)
    assert failures("single") == 1
    assert "a bug" in caplog.text


async def test_a_task_that_swallows_a_cancellation_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "CANCEL_INTERVAL_S", 0.01)

    async def stubborn() -> None:
        for _ in range(2):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                continue
        await asyncio.Event().wait()

    task = keep_running("stubborn", stubborn)
    await asyncio.sleep(0)
    await asyncio.wait_for(stop_task(task), 10)
    assert task.done()


async def test_what_does_not_finish_in_time_is_cancelled() -> None:
    waiting: set[asyncio.Task[None]] = set()
    for _ in range(2):
        task = run_once("endless", asyncio.Event().wait())  # type: ignore[arg-type]
        waiting.add(task)
        task.add_done_callback(waiting.discard)
    told: list[str] = []
    assert not await asyncio.wait_for(finish_tasks(waiting, 0.01, lambda: told.append("late")), 10)
    await asyncio.sleep(0)
    assert (told, waiting) == (["late"], set())
    assert await finish_tasks(waiting, 0.01)


PROGRAM = """
import asyncio
from contextlib import asynccontextmanager
from shared.platform import background
from shared.service import lifespan_app, serve
from shared.platform.settings import Settings
from tests.servers import free_port

background.FORCED_EXIT_S = {forced_exit_s}

async def fails():
    raise KeyError("a bug")

@asynccontextmanager
async def lifespan():
    background.run_critical("critical", fails)
    try:
        yield
    finally:
        print("stopped in order", flush=True)
        {at_the_end}

serve(lifespan_app(lifespan), "test", Settings(environment="local", http_port=free_port()))
"""


@pytest.mark.parametrize(
    ("at_the_end", "forced_exit_s"), [("pass", 60), ("await asyncio.Event().wait()", 0.5)], ids=["in order", "hangs"]
)
async def test_a_process_whose_critical_task_ends_exits_with_an_error(at_the_end: str, forced_exit_s: float) -> None:
    program = PROGRAM.format(at_the_end=at_the_end, forced_exit_s=forced_exit_s)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    if forced_exit_s == 60:
        assert b"stopped in order" in out, err.decode()
    assert process.returncode == background.TASK_FAILED, err.decode()


async def test_work_that_runs_together_has_ended_when_its_first_error_is_raised() -> None:
    ended = []

    async def fail(delay_s: float) -> None:
        await asyncio.sleep(delay_s)
        raise LookupError(f"after {delay_s}")

    async def work() -> None:
        await asyncio.sleep(0.02)
        ended.append("work")

    with pytest.raises(LookupError, match=r"after 0\.01"):
        await run_together(fail(0.01), work(), fail(0))
    assert ended == ["work"]


async def test_work_that_runs_together_returns_its_results_in_order() -> None:
    async def after(delay_s: float) -> float:
        await asyncio.sleep(delay_s)
        return delay_s

    assert await run_together(after(0.01), after(0)) == [0.01, 0]
