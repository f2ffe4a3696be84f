"""The launcher's programs answer for themselves."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("command", "option"), [(("bench", "latency"), "--rate"), (("kill-test",), "--rounds"), (("help",), "kill-test")]
)
def test_a_command_says_what_it_can_be_told(command: tuple[str, ...], option: str) -> None:
    asked = [*command, *([] if command == ("help",) else ["--help"])]
    shown = subprocess.run(
        [sys.executable, "-m", "deploy.local", *asked], capture_output=True, text=True, timeout=60, check=True
    )
    assert option in shown.stdout


def test_an_unknown_bench_names_those_there_are() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "deploy.local", "bench", "nothing"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert shown.returncode == 2
    assert "latency" in shown.stderr
