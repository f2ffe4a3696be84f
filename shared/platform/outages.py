"""Which errors say that MongoDB or NATS is away, so that the same may succeed later, and which only look like it."""

import errno
import socket

from nats.errors import (
    BadHeaderError,
    BadSubjectError,
    BadTimeoutError,
    InvalidCallbackTypeError,
    JsonParseError,
    MaxPayloadError,
    MsgAlreadyAckdError,
    NotJSMessageError,
)
from nats.errors import Error as NatsError
from nats.js.errors import BadRequestError

from shared.platform.mongo import TRANSIENT_ERRORS

_PERMANENT: tuple[type[Exception], ...] = (
    BadHeaderError,
    BadSubjectError,
    BadTimeoutError,
    InvalidCallbackTypeError,
    JsonParseError,
    MaxPayloadError,
    MsgAlreadyAckdError,
    NotJSMessageError,
    BadRequestError,  # JetStream's 400: 10054 (larger than the stream takes), 10060 (another stream's subject), ...
)
_OUTAGES: tuple[type[Exception], ...] = (*TRANSIENT_ERRORS, NatsError, ConnectionError, socket.gaierror)
_UNREACHABLE = frozenset({errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ETIMEDOUT})


def is_outage(error: BaseException) -> bool:
    """NATS and the driver of MongoDB have timeouts of their own, and the operating system's has a number: a bare
    TimeoutError comes from our own code."""
    if isinstance(error, _PERMANENT):
        return False
    return isinstance(error, _OUTAGES) or (isinstance(error, OSError) and error.errno in _UNREACHABLE)
