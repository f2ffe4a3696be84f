"""Each program of the launcher prints its own help."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("command", "option"), [(("bench", "latency"), "--rate"), (("kill-test",), "--rounds"), (("help",), "kill-test")]
)
def test_a_command_lists_its_options(command: tuple[str, ...], option: str) -> None:
    asked = [*command, *([] if command == ("help",) else ["--help"])]
    shown = subprocess.run(
        [sys.executable, "-m", "deploy.local", *asked], capture_output=True, text=True, timeout=60, check=True
    )
    assert option in shown.stdout


def test_an_unknown_bench_is_answered_with_the_list() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "deploy.local", "bench", "nothing"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert shown.returncode == 2
    assert "latency" in shown.stderr
