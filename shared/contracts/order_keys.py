"""Order keys: the place of a message among the messages of its conversation, in microseconds of our own clock.

A key is given once, where the message enters the product: when the account's journal takes it, or when the router
accepts it for sending. WhatsApp's times are whole seconds of somebody else's clock, so nothing is sorted by them
(docs/decisions/0035).
"""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import Field

MAX_ORDER_KEY = 2**53 - 1
"""The largest integer that JavaScript represents exactly; microseconds until the year 2255."""
OrderKey = Annotated[int, Field(ge=0, le=MAX_ORDER_KEY)]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def key_at(moment: datetime) -> int:
    """The order key of this moment."""
    return min(max((moment - _EPOCH) // _MICROSECOND, 0), MAX_ORDER_KEY)


def moment_of(order_key: int) -> datetime:
    """When a key was given, as far as the clock did not step back."""
    return _EPOCH + order_key * _MICROSECOND
