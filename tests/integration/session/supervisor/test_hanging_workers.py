"""A worker process that hangs is killed after a time, so that its instances can start in another."""

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from services.session.ipc.messages import Stop
from services.session.supervisor import worker_handle as module
from services.session.supervisor.process_handle import ProcessHandle
from services.session.supervisor.worker_handle import WorkerHandle
from shared.contracts.records import Network
from tests.integration.session.supervisor.testbed import WAIT_TIMEOUT_S
from tests.waiting import until

Process = subprocess.Popen[bytes]


@pytest.fixture
def hanging() -> Iterator[Process]:
    """It does not read and does not exit when its socket closes."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


async def nothing(*_: object) -> None: ...


async def opened(process: Process) -> tuple[WorkerHandle, socket.socket]:
    ours, theirs = socket.socketpair()
    worker = WorkerHandle("w", process.pid, Network.WHATSAPP, ours)
    await worker.open(nothing, nothing)
    return worker, theirs


async def killed(process: Process) -> bool:
    await until(lambda: process.poll() is not None)
    return process.returncode == -signal.SIGKILL


async def test_a_worker_that_does_not_read_is_killed(hanging: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_UNREAD_BYTES", 100_000)
    worker, theirs = await opened(hanging)
    with theirs:
        while not worker.exited.is_set():
            worker.send(Stop(instance_id="x" * 10_000))
            await asyncio.sleep(0)
        assert await killed(hanging)


async def test_a_worker_that_does_not_exit_without_its_socket_is_killed(
    hanging: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EXIT_TIMEOUT_S", 0.05)
    worker, theirs = await opened(hanging)
    theirs.close()
    await asyncio.wait_for(worker.exited.wait(), WAIT_TIMEOUT_S)
    assert await killed(hanging)


async def test_a_worker_that_does_not_quit_is_killed(hanging: Process) -> None:
    worker, theirs = await opened(hanging)
    with theirs:
        await worker.quit(0.05)
        assert await killed(hanging)


async def test_a_process_that_has_exited_is_not_killed(hanging: Process) -> None:
    handle = ProcessHandle(hanging.pid)
    hanging.terminate()
    hanging.wait()
    assert await handle.wait(WAIT_TIMEOUT_S)
    handle.kill()
    handle.close()


async def test_a_handle_of_an_unknown_process_kills_no_other() -> None:
    gone = ProcessHandle(max(psutil.pids()) + 50_000_000)
    assert await gone.wait(0)
    gone.kill()
    gone.close()
