"""How `./switchboard test` runs the tests."""

import pytest

from deploy.local import checks


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Records the commands instead of running them."""
    asked: list[tuple[str, ...]] = []

    def run(*command: str) -> int:
        asked.append(command)
        return 0

    monkeypatch.setattr(checks, "_run", run)
    monkeypatch.setattr(checks, "install_packages", lambda *_: True)
    for name in checks.SHARED_SERVER_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return asked


def test_a_full_run_is_parallel_and_has_every_test_folder(commands: list[tuple[str, ...]]) -> None:
    assert checks.run_checks([]) == 0
    assert set(checks.PARALLEL_OPTIONS) <= set(commands[-1])
    folders = {path.parent for path in (checks.ROOT / "tests").rglob("test_*.py")}
    missed = [path for path in folders if not any(f"{path}/".startswith(f"{checks.ROOT}/{f}/") for f in commands[-1])]
    assert missed == []


@pytest.mark.parametrize("name", checks.SHARED_SERVER_VARIABLES)
def test_tests_that_share_a_given_server_run_one_after_the_other(
    commands: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "nats://127.0.0.1:4222")
    assert checks.run_checks([]) == 0
    assert not set(checks.PARALLEL_OPTIONS) & set(commands[-1])


def test_arguments_are_passed_to_pytest_unchanged(commands: list[tuple[str, ...]]) -> None:
    assert checks.run_checks(["tests/unit", "-x"]) == 0
    assert commands[-1] == ("pytest", *checks.ASSERT_OPTIONS, "tests/unit", "-x")


def test_coverage_is_measured_on_request(commands: list[tuple[str, ...]]) -> None:
    assert checks.run_checks(["--coverage", "tests/unit"]) == 0
    assert commands[-1] == ("pytest", *checks.ASSERT_OPTIONS, *checks.COVERAGE_OPTIONS, "tests/unit")
    assert checks.run_checks(["--coverage"]) == 0
    assert {*checks.COVERAGE_OPTIONS, *checks.PARALLEL_OPTIONS} <= set(commands[-1])
