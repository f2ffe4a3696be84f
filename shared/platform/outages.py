"""Which errors mean that MongoDB or NATS is unreachable, so that the same call may succeed later."""

import errno
import socket

from shared.messaging.client import NATS_OUTAGE_ERRORS, NATS_PERMANENT_ERRORS, NatsError

try:
    from shared.platform.mongo import TRANSIENT_ERRORS
except ModuleNotFoundError:  # realtime does not load the driver of MongoDB, so nothing there raises its errors
    TRANSIENT_ERRORS = ()

OUTAGE_ERRORS: tuple[type[Exception], ...] = (*TRANSIENT_ERRORS, *NATS_OUTAGE_ERRORS)
"""For `except` around calls of MongoDB and NATS alone: whatever they raise of these, the caller tries again later."""

UNREACHABLE_ERRORS: tuple[type[Exception], ...] = (*TRANSIENT_ERRORS, NatsError, ConnectionError, socket.gaierror)
"""Classes whose errors are outages whoever raises them, except those that NATS raises for ever (`is_outage`)."""
_UNREACHABLE = frozenset({errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ETIMEDOUT})


def is_outage(error: BaseException) -> bool:
    """For an error of unknown origin.

    NATS and the driver of MongoDB have timeout classes of their own, and a timeout of the operating system has an
    errno: a bare TimeoutError comes from our own code and is no outage.
    """
    if isinstance(error, NATS_PERMANENT_ERRORS):
        return False
    return isinstance(error, UNREACHABLE_ERRORS) or (isinstance(error, OSError) and error.errno in _UNREACHABLE)
