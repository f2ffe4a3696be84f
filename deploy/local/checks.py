"""`./switchboard test`: lint, types, then every test, the slow folders first."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from deploy.local.console_output import tell_user
from deploy.local.prerequisites import install_packages, missing_packages

ROOT = Path(__file__).resolve().parents[2]
TEST_FOLDERS = ("e2e", "security", "integration", "component", "contract", "unit")
"""With short files at the end of the queue no processor is idle while another works on the last long file."""
TEST_PROCESSES = min(8, 2 * (os.cpu_count() or 1))
"""Two for each processor, because half of a test's time is waiting. Each has servers of its own, about 1 GB."""
PARALLEL_OPTIONS = ("-n", str(TEST_PROCESSES), "--dist", "loadfile", "--no-loadscope-reorder")
"""All tests of a file run in one process."""
ASSERT_OPTIONS: tuple[str, ...] = ("--assert=plain",) if sys.version_info < (3, 12) else ()
"""CPython 3.11 sometimes fails inside pytest's rewriting of assertions (python/cpython#106905), so it is off there."""
COVERAGE_OPTIONS = ("--cov=services", "--cov=shared", "--cov=simulator", "--cov-report=term:skip-covered")
"""What runs in the test processes is counted; services that a test starts as processes of their own are not."""
SHARED_SERVER_VARIABLES = ("WA_TEST_NATS_URL", "WA_TEST_MONGO_URL")
"""With one of these set all tests share one server and its streams, so they run one after the other."""


def _run(*command: str) -> int:
    sys.stdout.write(f"── {' '.join(command)}\n")
    sys.stdout.flush()
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False).returncode


def run_checks(pytest_arguments: Sequence[str]) -> int:
    """The exit status of the first step that failed, else 0. Further arguments go to pytest; `--coverage` prints
    how much of the code was run."""
    if not install_packages(missing_packages(), tell_user):
        return 1
    for step in (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy", ".")):
        if status := _run(*step):
            return status
    folders = [f"tests/{folder}" for folder in TEST_FOLDERS if any((ROOT / "tests" / folder).rglob("test_*.py"))]
    parallel = () if any(os.environ.get(name) for name in SHARED_SERVER_VARIABLES) else PARALLEL_OPTIONS
    coverage = COVERAGE_OPTIONS if "--coverage" in pytest_arguments else ()
    selected = [argument for argument in pytest_arguments if argument != "--coverage"]
    return _run("pytest", *ASSERT_OPTIONS, *coverage, *(selected or (*parallel, *folders)))
