"""The report of `bench attack`: figures from the measurements, and the bounds that were exceeded. Pure."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deploy.local.latency_report import percentile

MAX_P99_RATIO = 2.0
"""The victim's p99 under attack, divided by its p99 without attackers."""
MAX_REALTIME_GROWTH_BYTES = 100_000_000
"""Resident memory of realtime: the peak under attack minus the size before it."""
OPERATIONS = ("login", "join", "send over REST", "send over a socket")
MONITORED_PROCESSES = ("realtime", "api", "session", "router", "front", "nats", "mongo", "simulator")
VICTIM, ATTACKERS = "load: victim", "load: attackers"
"""The two processes of the load generator."""
_MB = 1_000_000


@dataclass
class Samples:
    """Requests of one kind: their durations in milliseconds, and the reasons of the failures.

    A request that was answered too late is in both; a rejected one has no duration.
    """

    durations_ms: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def failed(self) -> int:
        return self.failures.total()

    def percentile_ms(self, percent: float) -> float:
        """Milliseconds; NaN without samples."""
        return percentile(self.durations_ms, percent) if self.durations_ms else math.nan


PhaseSamples = Mapping[str, Samples]
"""Samples by operation."""


@dataclass(frozen=True)
class MemorySizes:
    """Resident memory of one process in bytes: before the attack, at its peak, and some seconds after it."""

    before: int
    peak: int
    after: int

    @property
    def growth(self) -> int:
        return self.peak - self.before


@dataclass(frozen=True)
class AttackReport:
    """`alone`, `attacked`: the victim's phases without and with attackers. `outcomes`: by kind of attack, how often
    each answer came. `shares`: of one processor, by process, in the two phases.
    """

    alone: PhaseSamples
    attacked: PhaseSamples
    memory: Mapping[str, MemorySizes]
    outcomes: Mapping[str, Mapping[str, int]]
    shares: Mapping[str, tuple[float, float]]

    def ratio(self, operation: str) -> float:
        """p99 under attack divided by p99 alone; NaN when either has no samples."""
        alone, attacked = self.alone[operation].percentile_ms(99), self.attacked[operation].percentile_ms(99)
        return attacked / alone if alone else math.nan

    def violations(self) -> list[str]:
        """The exceeded bounds; empty when all were kept."""
        lines = [text for operation in OPERATIONS for text in self._of_operation(operation)]
        growth = self.memory["realtime"].growth
        if growth > MAX_REALTIME_GROWTH_BYTES:
            lines.append(f"realtime: memory grew by {growth / _MB:.0f} MB, allowed are 100 MB")
        return lines

    def _of_operation(self, operation: str) -> list[str]:
        lines = []
        for phase, samples in (("alone", self.alone[operation]), ("under attack", self.attacked[operation])):
            if samples.failed:
                reasons = ", ".join(f"{count} x {reason}" for reason, count in samples.failures.most_common(3))
                lines.append(f"{operation}: {samples.failed} requests of the victim failed {phase}: {reasons}")
        ratio = self.ratio(operation)
        if not ratio <= MAX_P99_RATIO:  # also when it is not a number
            lines.append(f"{operation}: p99 ratio {ratio:.1f}, allowed is {MAX_P99_RATIO:g}")
        return lines

    def lines(self) -> list[str]:
        """The report as a table."""
        lines = [f"{'victim, ms':22}{'':>8}{'alone':>16}{'':>8}{'attacked':>16}{'p99':>8}"]
        heads = ("n", "p50", "p99") * 2
        lines.append(f"{'':22}" + "".join(f"{head:>8}" for head in heads) + f"{'ratio':>8}")
        lines += [self._operation_line(operation) for operation in OPERATIONS]
        lines.append(f"{'memory, MB':22}{'before':>8}{'peak':>8}{'after':>8}{'growth':>8}")
        for name, memory in self.memory.items():
            sizes = (memory.before, memory.peak, memory.after, memory.growth)
            lines.append(f"  {name:20}" + "".join(f"{size / _MB:8.0f}" for size in sizes))
        for attack, counts in self.outcomes.items():
            lines.append(f"{attack}: " + ", ".join(f"{count} x {outcome}" for outcome, count in sorted(counts.items())))
        lines.append(f"{'share of a processor':22}{'alone':>8}{'attacked':>16}")
        lines += [f"  {name:20}{alone:8.0%}{attacked:16.0%}" for name, (alone, attacked) in self.shares.items()]
        return lines + [f"BOUND EXCEEDED: {text}" for text in self.violations()]

    def _operation_line(self, operation: str) -> str:
        line = f"  {operation:20}"
        for samples in (self.alone[operation], self.attacked[operation]):
            line += f"{len(samples.durations_ms):8}{samples.percentile_ms(50):8.1f}{samples.percentile_ms(99):8.1f}"
        return line + f"{self.ratio(operation):8.1f}"

    def as_json(self) -> dict[str, Any]:
        """The report as JSON; missing values are None."""
        victim = {
            operation: {
                "alone": _as_json(self.alone[operation]),
                "attacked": _as_json(self.attacked[operation]),
                "p99_ratio": _number(self.ratio(operation)),
            }
            for operation in OPERATIONS
        }
        memory = {name: vars(size) | {"growth": size.growth} for name, size in self.memory.items()}
        return {
            "victim_ms": victim,
            "memory_bytes": memory,
            "attackers": {name: dict(counts) for name, counts in self.outcomes.items()},
            "processor_shares": {name: {"alone": a, "attacked": b} for name, (a, b) in self.shares.items()},
            "violations": self.violations(),
        }


def _as_json(samples: Samples) -> dict[str, Any]:
    return {
        "samples": len(samples.durations_ms),
        "p50": _number(samples.percentile_ms(50)),
        "p99": _number(samples.percentile_ms(99)),
        "failures": dict(samples.failures),
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 3)
