"""Order keys: the place of a message among the messages of its conversation, in microseconds of our own clock.

A key is assigned once, where the message enters the product: when the account's journal stores it, or when the router
accepts it for sending. WhatsApp's times are whole seconds of other clocks, so nothing is sorted by them
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


def key_at(time: datetime) -> int:
    """The order key of a message that is stored at this time."""
    return min(max((time - _EPOCH) // _MICROSECOND, 0), MAX_ORDER_KEY)


def time_of(order_key: int) -> datetime:
    """When a key was assigned; later than that if the clock was set back before."""
    return _EPOCH + order_key * _MICROSECOND
