"""`./switchboard test`: lint, types, then every test, the quick floors first."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.local.console_output import say
from deploy.local.prerequisites import missing_packages, provide

ROOT = Path(__file__).resolve().parents[2]
FLOORS = ("unit", "contract", "component", "integration", "e2e", "security")
PARALLEL = ("-n", "logical", "--maxprocesses", "4", "--dist", "loadfile")
"""One process of tests for each processor, each with servers of its own; the tests of a file stay together."""
SHARED_SERVERS = ("WA_TEST_NATS_URL", "WA_TEST_MONGO_URL")
"""With one of these set, all tests meet the same server and its streams, so they run one after the other."""


def _run(*command: str) -> int:
    sys.stdout.write(f"── {' '.join(command)}\n")
    sys.stdout.flush()
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False).returncode


def run_checks(pytest_arguments: Sequence[str]) -> int:
    """The exit status of the first step that failed, else 0. Further arguments go to pytest."""
    if not provide(missing_packages(), say):
        return 1
    for step in (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy", ".")):
        if status := _run(*step):
            return status
    folders = [f"tests/{floor}" for floor in FLOORS if any((ROOT / "tests" / floor).rglob("test_*.py"))]
    # CPython 3.11 sometimes fails inside pytest's rewriting of assertions (python/cpython#106905), so it is off here.
    together = () if any(os.environ.get(name) for name in SHARED_SERVERS) else PARALLEL
    return _run("pytest", "--assert=plain", *(pytest_arguments or (*together, *folders)))
