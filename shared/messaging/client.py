"""The NATS client library: the types and errors that other packages need. Only this package imports `nats` itself.

A test names the few files that may import it as well, because they use JetStream's management calls.
"""

import sys

from faststream.nats import NatsBroker
from nats.aio.client import Client as NatsClient
from nats.aio.msg import Msg as NatsMessage
from nats.aio.subscription import Subscription
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
from nats.js import JetStreamContext
from nats.js.errors import BadRequestError

from shared.messaging.jetstream_client import JetStream

__all__ = [
    "NATS_OUTAGE_ERRORS",
    "NATS_PERMANENT_ERRORS",
    "JetStreamContext",
    "NatsClient",
    "NatsError",
    "NatsMessage",
    "Subscription",
    "broker_client",
    "jetstream",
]

NATS_OUTAGE_ERRORS: tuple[type[Exception], ...] = (NatsError, OSError)
"""What a call of the client raises while NATS is unreachable; `TimeoutError` is an OSError."""

NATS_PERMANENT_ERRORS: tuple[type[Exception], ...] = (
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
"""What fails the same way however often it is tried again."""


def broker_client(broker: NatsBroker) -> NatsClient:
    """The NATS connection of a broker that has been started."""
    client = broker.config.connection_state.connection
    assert isinstance(client, NatsClient)
    return client


def jetstream(client: NatsClient) -> JetStreamContext:
    """The JetStream context of a connection.

    The library's own limit of pending publishes is off: publishers would wait for each other there, without a timeout.
    Whoever publishes bounds what it has pending.
    """
    return JetStream(client, publish_async_max_pending=sys.maxsize)
