"""How long messages take to be handled, by message class: for consumers, batch consumers and the request/reply server.

FastStream's Prometheus middleware is not used: its labels contain the full subject, so each organization and instance
would become a time series of its own, and it does not see the messages of the batch consumer (docs/decisions/0048).
"""

import time
from typing import Literal

from prometheus_client import Histogram

Result = Literal["ack", "nak", "dead_letter", "reply", "problem"]

_HANDLING_SECONDS = Histogram(
    "switchboard_message_handling_seconds",
    "From the delivery of a message to its ack, nak, dead letter or reply",
    ["subject", "result"],
    buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60),
)


def observe_handling(subject: str, result: Result, started_at: float) -> None:
    """`subject`: that of the message class, without organization and instance; `started_at` by time.perf_counter()."""
    _HANDLING_SECONDS.labels(subject, result).observe(time.perf_counter() - started_at)
