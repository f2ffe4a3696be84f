"""The percentiles of each stage that `bench latency` prints, computed from measured times. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class MessageTimes:
    """The times of one message, in epoch seconds."""

    sent: float
    """The simulated contact writes it to the socket."""
    decrypted: float
    """A worker of session has it."""
    received: float
    """MessageReceived is stored in the stream."""
    recorded: float
    """MessageRecorded is stored in the stream."""
    arrived: float
    """A Socket.IO client behind the front server has it."""


STAGES = {
    "simulator, neonize": ("sent", "decrypted"),
    "session: journal, publish": ("decrypted", "received"),
    "router with MongoDB, publish": ("received", "recorded"),
    "realtime, front server, client": ("recorded", "arrived"),
    "altogether": ("sent", "arrived"),
}
"""By name: the first and the last time of the stage."""


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` of all do not exceed. Raises ValueError without values."""
    if not values:
        raise ValueError("no values, no percentile")
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(rank) - 1)]


def report_lines(rate: float, expected: int, messages: Sequence[MessageTimes]) -> list[str]:
    """What is printed for one rate, in milliseconds."""
    lines = [f"{rate:g} messages/s: {len(messages)} of {expected} arrived"]
    if not messages:
        return lines
    lines.append(f"  {'':36}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}")
    for name, (start, end) in STAGES.items():
        durations = [1000 * (getattr(message, end) - getattr(message, start)) for message in messages]
        figures = (percentile(durations, 50), percentile(durations, 99), max(durations))
        lines.append(f"  {name:36}" + "".join(f"{value:9.1f}" for value in figures))
    return lines


def processor_text(processor_ms: Mapping[str, float]) -> str:
    """Processor time by process, in milliseconds."""
    return ", ".join(f"{name} {value:.1f}" for name, value in processor_ms.items())


def processor_lines(processor_ms: Mapping[str, float], server_processes: Collection[str]) -> list[str]:
    """Processor time of one message: of the servers together and by process, and apart from them of the others."""
    servers = {name: used for name, used in processor_ms.items() if name in server_processes}
    others = {name: used for name, used in processor_ms.items() if name not in server_processes}
    return [
        f"  processor of one message, ms: {sum(servers.values()):.1f} ({processor_text(servers)})",
        f"  apart from that: {processor_text(others)}",
    ]
