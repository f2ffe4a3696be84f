"""An organization works while attackers load the same servers: it is answered, and realtime's memory is bounded.

The same as `./switchboard bench attack` in smaller numbers, and without looking at durations.
"""

import pytest

from deploy.local.attack_load import FRAME_BYTES, AttackCounts
from deploy.local.attack_report import MAX_REALTIME_GROWTH_BYTES, OPERATIONS, AttackReport
from deploy.local.bench_attack import AttackSettings, measure
from deploy.local.stack import Options, Stack
from tests.memory import in_memory

SMALL = AttackSettings(
    rate=1,
    seconds=10,
    alone=2,
    counts=AttackCounts(frames=16, resumers=8, logins=20, sends=300),
    login_seconds=1,
    send_seconds=2,
    events=600,
    warm_up=1,
    after=0,
)
"""More sends than the session service has in hand for all accounts together."""
pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
async def report(tmp_path_factory: pytest.TempPathFactory) -> AttackReport:
    """Of one run, which both tests look at."""
    folder = tmp_path_factory.mktemp("attacked")
    with in_memory(folder / "mongo", folder / "nats"):
        async with Stack(Options(data=folder, port=0)) as stack:
            return await measure(stack, SMALL)


def test_every_request_of_the_victim_succeeds_while_attackers_work(report: AttackReport) -> None:
    missing = {name for name, counts in report.outcomes.items() if not counts}
    assert not missing, f"these attacks were not made: {missing}"
    expected = round(SMALL.rate * SMALL.seconds)
    for operation in OPERATIONS:
        alone, attacked = report.alone[operation], report.attacked[operation]
        assert (alone.failed, attacked.failed) == (0, 0), f"{operation}: {alone.failures}, {attacked.failures}"
        assert len(attacked.durations_ms) == expected, operation


def test_the_memory_of_realtime_stays_bounded_while_attackers_work(report: AttackReport) -> None:
    """Held whole, the large frames alone would be more than twice the bound."""
    assert SMALL.counts.frames * FRAME_BYTES > 2 * MAX_REALTIME_GROWTH_BYTES
    growth = report.memory["realtime"].growth
    assert growth <= MAX_REALTIME_GROWTH_BYTES, f"{growth / 1e6:.0f} MB"
