"""The `switchboard` script on machines that lack something: fake Python programs in an otherwise empty PATH."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TOOLS = ("sh", "dirname", "cksum", "tr", "cat", "grep", "awk", "mktemp", "rm", "mkdir", "sleep", "tail", "cut", "env")
MODERN = """
case "$*" in
  *ensurepip*) exit {venv_module} ;;
  "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
  *"pip install"*) echo "{says}" >&2; exit {pip} ;;
  "-m deploy.local"*) shift 2; echo "launched: $*" ;;
esac
"""
OLD = """
case "$*" in
  -V) echo "Python 3.9.2" ;;
  *) exit 1 ;;
esac
"""
ROOMY, FULL = (f'printf "a\\nb 1 1 {free} 1\\n"' for free in (9_000_000, 10_000))


@dataclass
class Machine:
    """A clone of the project, and a PATH with only these programs."""

    clone: Path
    programs: Path

    def has(self, name: str, script: str) -> None:
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def has_python(self, venv_module: int = 0, pip: int = 0, says: str = "") -> None:
        self.has("python3", MODERN.format(venv_module=venv_module, pip=pip, says=says))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environ = {"PATH": str(self.programs), "HOME": "/nowhere"}
        command = [str(self.clone / "switchboard"), *arguments]
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=30, check=False)

    @property
    def environment(self) -> Path:
        return self.clone / ".venv"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path / "a clone", tmp_path / "programs")
    made.clone.mkdir()
    made.programs.mkdir()
    shutil.copy(ROOT / "switchboard", made.clone)
    (made.clone / "requirements.lock").write_text("first\n")
    for name in (*TOOLS, "cp"):
        (made.programs / name).symlink_to(shutil.which(name) or name)
    made.has("df", ROOMY)
    return made


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The error text of the failed call."""
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


def test_the_environment_is_made_once(machine: Machine) -> None:
    machine.has_python()
    first, second = machine.run("up", "--port", "4000"), machine.run("help")
    assert (first.returncode, first.stdout) == (0, "launched: up --port 4000\n")
    assert "making the environment" in first.stderr
    assert (second.stdout, second.stderr) == ("launched: help\n", "")


def test_a_changed_lock_creates_the_environment_again(machine: Machine) -> None:
    machine.has_python()
    machine.run()
    (machine.clone / "requirements.lock").write_text("second\n")
    assert "making the environment" in machine.run().stderr


def test_no_python(machine: Machine) -> None:
    assert "python3 is missing: install Python 3.11 or later" in sentence(machine.run())


def test_an_old_python(machine: Machine) -> None:
    machine.has("python3", OLD)
    assert "python3 is 3.9.2 and 3.11 or later is needed" in sentence(machine.run())


def test_a_python_without_the_venv_module(machine: Machine) -> None:
    machine.has_python(venv_module=1)
    assert "no venv module: install it (Debian: apt-get install python3-venv) or install uv" in sentence(machine.run())


def test_uv_is_enough(machine: Machine) -> None:
    machine.has(
        "uv", 'for last; do :; done; case "$1" in venv) mkdir -p "$last/bin"; cp "$0" "$last/bin/python" ;; esac'
    )
    assert machine.run().returncode == 0


def test_a_full_disk_is_seen_before_the_download(machine: Machine) -> None:
    machine.has_python()
    machine.has("df", FULL)
    assert "the disk is full: 9 MB are free" in sentence(machine.run())


@pytest.mark.parametrize(
    ("says", "answer"),
    [("No space left on device", "the disk is full"), ("Connection refused", "check the connection or the proxy")],
)
def test_a_failed_installation_leaves_nothing(machine: Machine, says: str, answer: str) -> None:
    machine.has_python(pip=1, says=says)
    assert answer in sentence(machine.run())
    assert not machine.environment.exists()
    assert not (machine.clone / ".venv.lock").exists()


@pytest.mark.parametrize("holder", ["", "999999999"])
def test_the_lock_left_by_a_killed_start_is_taken_over(machine: Machine, holder: str) -> None:
    machine.has_python()
    (machine.clone / ".venv.lock").mkdir()
    if holder:
        (machine.clone / ".venv.lock" / "pid").write_text(holder)
    assert machine.run().returncode == 0
