"""From measured moments to the lines `bench latency` prints. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Journey:
    """One message's moments, in epoch seconds."""

    sent: float
    """The simulated contact hands it to the socket."""
    decrypted: float
    """A worker of session has it."""
    received: float
    """MessageReceived is stored in the stream."""
    recorded: float
    """MessageRecorded is stored in the stream."""
    arrived: float
    """A Socket.IO client behind the front door has it."""


STAGES = {
    "simulator, neonize": ("sent", "decrypted"),
    "session: journal, publish": ("decrypted", "received"),
    "router with MongoDB, publish": ("received", "recorded"),
    "realtime, front door, client": ("recorded", "arrived"),
    "altogether": ("sent", "arrived"),
}
"""Name of each stage and the moments it lies between."""


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that `percent` of all do not exceed. Raises ValueError without values."""
    if not values:
        raise ValueError("no values, no percentile")
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(rank) - 1)]


def lines(rate: float, expected: int, journeys: Sequence[Journey]) -> list[str]:
    """What is printed of one run, in milliseconds."""
    found = [f"{rate:g} messages/s: {len(journeys)} of {expected} arrived"]
    if not journeys:
        return found
    found.append(f"  {'':36}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}")
    for name, (start, end) in STAGES.items():
        took = [1000 * (getattr(journey, end) - getattr(journey, start)) for journey in journeys]
        shown = (percentile(took, 50), percentile(took, 99), max(took))
        found.append(f"  {name:36}" + "".join(f"{value:9.1f}" for value in shown))
    return found
