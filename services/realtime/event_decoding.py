"""Events of the stream, decoded for sockets. One that cannot be read is skipped: it must not block the others."""

import logging

from pydantic import ValidationError

from services.realtime.payloads import SocketEvents, socket_events_of
from shared.contracts.registry import parse_event
from shared.platform.background import log_failure

log = logging.getLogger(__name__)


def decode_event(subject: str, sequence: int, body: bytes) -> SocketEvents:
    """Empty for an event that cannot be read, and for one that front ends do not receive."""
    try:
        event = parse_event(subject, body)
        return socket_events_of(event, sequence) if event else []
    except ValidationError as error:
        log.warning("%s: an unreadable event is skipped: %s", subject, error.errors()[0]["msg"])
        return []
    except Exception as error:
        log_failure("payload of a socket event", error)
        return []
