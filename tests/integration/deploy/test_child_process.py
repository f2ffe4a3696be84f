"""A supervised process is restarted when it ends; `stop` ends it with its whole process group."""

import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from deploy.local import child_process as child_module
from deploy.local.child_process import ChildProcess, ProcessHooks, ProcessSpec, StartFailed
from tests.waiting import until

SLEEPER = "import time\nprint('up', flush=True)\ntime.sleep(600)"
PARENT = "import subprocess, sys, time\nprint(subprocess.Popen(['sleep', '600']).pid, flush=True)\ntime.sleep(600)"
STUBBORN = (
    "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(600)"
)


@dataclass
class ChildProcesses:
    folder: Path
    messages: list[str] = field(default_factory=list)
    groups: set[int] = field(default_factory=set)
    children: list[ChildProcess] = field(default_factory=list)

    def child(self, program: str, *command: str, **env: str) -> ChildProcess:
        """Runs a Python program, or `command`."""
        words = list(command) or [sys.executable, "-c", program]
        plan = ProcessSpec("program", words, {**os.environ, **env}, self.folder, self.folder / "program.log")
        child = ChildProcess(plan, ProcessHooks(self.messages.append, self.groups.add, self.groups.discard))
        self.children.append(child)
        return child

    def log(self) -> list[str]:
        path = self.folder / "program.log"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
async def processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ChildProcesses]:
    monkeypatch.setattr(child_module, "RESTART_DELAYS_S", (0.01,))
    started = ChildProcesses(tmp_path)
    yield started
    for child in started.children:
        await child.stop(5)


async def test_a_killed_process_is_restarted_and_the_user_is_told(processes: ChildProcesses) -> None:
    child = processes.child(SLEEPER)
    await child.start()
    first = child.pid
    child.kill()
    await until(lambda: child.unexpected_exits == 1 and child.running)
    assert child.pid != first
    assert "program ended (signal SIGKILL) and is started again" in processes.messages[0]
    assert processes.groups == {child.pid}


async def test_the_message_has_the_exit_code(processes: ChildProcesses) -> None:
    child = processes.child("raise SystemExit(3)")
    await child.start()
    await until(lambda: len(processes.messages) >= 2)
    assert "exit code 3" in processes.messages[0]


async def test_its_children_end_with_it(processes: ChildProcesses) -> None:
    child = processes.child(PARENT)
    await child.start()
    await until(lambda: bool(processes.log()))
    grandchild = psutil.Process(int(processes.log()[0]))
    child.kill()
    await until(lambda: not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE)


async def test_stop_ends_a_process_that_ignores_sigterm(processes: ChildProcesses) -> None:
    child = processes.child(STUBBORN)
    await child.start()
    await until(lambda: bool(processes.log()))
    pid = child.pid
    await child.stop(0.1)
    assert (child.running, psutil.pid_exists(pid), processes.groups, processes.messages) == (False, False, set(), [])


async def test_a_stopped_process_can_be_started_again(processes: ChildProcesses) -> None:
    child = processes.child(SLEEPER)
    await child.start()
    await until(lambda: processes.log() == ["up"])
    await child.stop(5)
    await child.start()
    await until(lambda: processes.log() == ["up", "up"])


async def test_a_missing_program_is_named(processes: ChildProcesses) -> None:
    with pytest.raises(StartFailed, match="program cannot be started"):
        await processes.child("", "/nowhere/program").start()


async def test_the_environment_is_passed_unchanged(processes: ChildProcesses) -> None:
    names = ("https_proxy", "no_proxy", "SSL_CERT_FILE", "PYTHONPATH")
    program = f"import os, time\nprint([os.environ[name] for name in {names}], flush=True)\ntime.sleep(600)"
    await processes.child(program, **{name: f"/a {name}" for name in names}).start()
    await until(lambda: bool(processes.log()))
    assert processes.log() == [str([f"/a {name}" for name in names])]


async def test_a_large_log_is_moved_aside(processes: ChildProcesses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_module, "MAX_LOG_BYTES", 100)
    (processes.folder / "program.log").write_text("x" * 200 + "\nthe end\n")
    child = processes.child(SLEEPER)
    assert child.last_log_lines(1) == "the end"
    await child.start()
    await until(lambda: processes.log() == ["up"])
    assert (processes.folder / "program.log.1").read_text().endswith("the end\n")
