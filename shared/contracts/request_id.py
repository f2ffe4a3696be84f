"""The id of the HTTP request or socket event that is being handled. It is copied into the messages that are published
meanwhile, into their NATS headers, and into every log line."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

HEADER = "X-Request-Id"
"""In HTTP and in NATS messages."""
_current: ContextVar[str | None] = ContextVar("request_id", default=None)


def current_request() -> str | None:
    """The id of the request that is being handled; None outside of requests."""
    return _current.get()


@contextmanager
def bound_request_id(request_id: str | None) -> Iterator[None]:
    """Handle the request with this id inside the block."""
    token = _current.set(request_id)
    try:
        yield
    finally:
        _current.reset(token)
