"""When a message that could not be handled is delivered again, and when it becomes a dead letter."""

from pydantic import ValidationError

from shared.contracts.errors import Reject, Retry
from shared.platform.outages import is_outage

REDELIVERY_DELAYS_S = (1.0, 5.0, 15.0, 60.0, 300.0)
"""Seconds before the second, third, ... delivery; the last one holds for all further ones."""
MAX_OUTAGE_DELAY_S = 5.0
"""While MongoDB or NATS is unreachable the message is delivered again at least this often."""
MAX_DELIVERY_ATTEMPTS = 6


def retry_delay(error: Exception, attempt: int) -> float | None:
    """Seconds until the next delivery, or None when the message becomes a dead letter. `attempt` starts at 1."""
    delay = REDELIVERY_DELAYS_S[min(attempt, len(REDELIVERY_DELAYS_S)) - 1]
    if isinstance(error, Reject | ValidationError):
        return None
    if is_outage(error):
        return min(delay, MAX_OUTAGE_DELAY_S)
    return delay if isinstance(error, Retry) or attempt < MAX_DELIVERY_ATTEMPTS else None
