"""What the tests need of the system is installed by root and said to everybody else."""

import os
import subprocess
from typing import Any

import pytest

from deploy.local import prerequisites
from deploy.local.binaries import MissingBinary


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands instead of which nothing happens, successfully."""
    commands: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr("subprocess.run", run)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    return commands


def _be(monkeypatch: pytest.MonkeyPatch, user: int) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)


def test_nothing_missing_nothing_done(ran: list[list[str]], said: list[str]) -> None:
    assert prerequisites.install_packages([], said.append)
    assert (ran, said) == ([], [])


def test_root_installs(ran: list[list[str]], said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    _be(monkeypatch, 0)
    assert prerequisites.install_packages(["chromium"], said.append)
    assert ran[-1][:2] == ["apt-get", "install"]
    assert ran[-1][-1] == "chromium"


def test_others_are_told(ran: list[list[str]], said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    _be(monkeypatch, 1000)
    assert not prerequisites.install_packages(["chromium", "libcurl4"], said.append)
    assert ran == []
    assert "sudo apt-get install chromium libcurl4" in said[0]


def test_a_failed_installation_says_why(said: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    _be(monkeypatch, 0)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    failed = subprocess.CompletedProcess([], 100, "", "E: Unable to locate package chromium\n")
    monkeypatch.setattr("subprocess.run", lambda *_, **__: failed)
    assert not prerequisites.install_packages(["chromium"], said.append)
    assert said[-1].endswith("E: Unable to locate package chromium")


def test_a_browser_and_the_library_of_mongod_are_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise MissingBinary("mongod needs libcurl from the system, which is missing")

    monkeypatch.delenv("WA_TEST_MONGO_URL", raising=False)
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr(prerequisites, "find_mongod", lambda _: "mongod")
    monkeypatch.setattr(prerequisites, "require_runnable", refuse)
    assert prerequisites.missing_packages() == ["chromium", "nodejs", "caddy", "openssl", "libcurl4"]
