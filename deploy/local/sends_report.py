"""The report of `bench sends`, computed from measured times. Pure."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from deploy.local.latency_report import percentile, processor_text


@dataclass(frozen=True)
class SendFigures:
    """One line of the report. others: sends that WhatsApp did not acknowledge, by status or error.

    processor_ms: of one send, by process. mongo_operations: of one send. Both None where they are not measured.
    """

    name: str
    per_second: float
    p50_ms: float
    p99_ms: float
    sent: int
    others: Mapping[str, int] = field(default_factory=dict)
    processor_ms: Mapping[str, float] = field(default_factory=dict)
    mongo_operations: float | None = None

    @property
    def total_processor_ms(self) -> float:
        return sum(self.processor_ms.values())

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "per_second": self.per_second,
            "p50_ms": self.p50_ms,
            "p99_ms": self.p99_ms,
            "sent": self.sent,
            "others": dict(self.others),
            "processor_ms": dict(self.processor_ms),
            "total_processor_ms": self.total_processor_ms,
            "mongo_operations": self.mongo_operations,
        }


def figures(
    name: str,
    durations_s: Sequence[float],
    elapsed_s: float,
    *,
    others: Mapping[str, int] | None = None,
    processor_s: Mapping[str, float] | None = None,
    mongo_operations: float | None = None,
) -> SendFigures:
    """Raises ValueError when nothing was sent."""
    sent = len(durations_s)
    if not sent:
        raise ValueError(f"{name}: nothing was sent; outcomes: {dict(others or {})}")
    return SendFigures(
        name,
        sent / elapsed_s,
        1000 * statistics.median(durations_s),
        1000 * percentile(durations_s, 99),
        sent,
        others or {},
        {process: 1000 * used / sent for process, used in (processor_s or {}).items()},
        None if mongo_operations is None else mongo_operations / sent,
    )


def lines(all_figures: Sequence[SendFigures], server_processes: Sequence[str]) -> list[str]:
    """The table: speed, then the processor time of one send by process."""
    header = f"{'':30}{'per s':>8}{'p50 ms':>9}{'p99 ms':>9}{'sent':>7}{'MongoDB':>9}{'cpu ms':>8}"
    printed = [header]
    for row in all_figures:
        mongo = "" if row.mongo_operations is None else f"{row.mongo_operations:.1f}"
        cpu = sum(used for name, used in row.processor_ms.items() if name in server_processes)
        printed.append(
            f"{row.name:30}{row.per_second:8.0f}{row.p50_ms:9.1f}{row.p99_ms:9.1f}{row.sent:7}{mongo:>9}{cpu:8.1f}"
        )
        if row.others:
            printed.append("  not sent: " + ", ".join(f"{number} {name}" for name, number in row.others.items()))
    printed.append("processor of one send, ms")
    for row in all_figures:
        printed.append(f"  {row.name}: {processor_text(row.processor_ms)}")
    return printed
