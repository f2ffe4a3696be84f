"""Missing Debian packages of the tests are installed by root; other users are told what to install."""

import os
import subprocess
from typing import Any

import pytest

from deploy.local import prerequisites
from deploy.local.binaries import MissingBinary


@pytest.fixture
def messages() -> list[str]:
    return []


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Replaces subprocess.run: records the commands and reports success."""
    ran: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        ran.append(command)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr("subprocess.run", run)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    return ran


def _be(monkeypatch: pytest.MonkeyPatch, user: int) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: user)


def test_nothing_missing_nothing_done(commands: list[list[str]], messages: list[str]) -> None:
    assert prerequisites.install_packages([], messages.append)
    assert (commands, messages) == ([], [])


def test_root_installs(commands: list[list[str]], messages: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    _be(monkeypatch, 0)
    assert prerequisites.install_packages(["chromium"], messages.append)
    assert commands[-1][:2] == ["apt-get", "install"]
    assert commands[-1][-1] == "chromium"


def test_other_users_are_told_what_to_install(
    commands: list[list[str]], messages: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _be(monkeypatch, 1000)
    assert not prerequisites.install_packages(["chromium", "libcurl4"], messages.append)
    assert commands == []
    assert "sudo apt-get install chromium libcurl4" in messages[0]


def test_a_failed_installation_says_why(messages: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    _be(monkeypatch, 0)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")
    failed = subprocess.CompletedProcess([], 100, "", "E: Unable to locate package chromium\n")
    monkeypatch.setattr("subprocess.run", lambda *_, **__: failed)
    assert not prerequisites.install_packages(["chromium"], messages.append)
    assert messages[-1].endswith("E: Unable to locate package chromium")


def test_a_missing_browser_and_a_missing_library_of_mongod_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise MissingBinary("mongod needs libcurl from the system, which is missing")

    monkeypatch.delenv("WA_TEST_MONGO_URL", raising=False)
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr(prerequisites, "find_mongod", lambda _: "mongod")
    monkeypatch.setattr(prerequisites, "require_runnable", refuse)
    assert prerequisites.missing_packages() == ["chromium", "nodejs", "caddy", "openssl", "libcurl4"]
