"""Which request of a person or a program something belongs to. The id travels in the messages it leads to, in their
NATS headers, and stands in every log line written on its behalf."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

HEADER = "X-Request-Id"
"""Over HTTP and NATS."""
_current: ContextVar[str | None] = ContextVar("request_id", default=None)


def current_request() -> str | None:
    """The id of the request that is being worked on, None where nobody asked for anything."""
    return _current.get()


@contextmanager
def bound_request_id(request_id: str | None) -> Iterator[None]:
    """What is done in this block belongs to the request."""
    token = _current.set(request_id)
    try:
        yield
    finally:
        _current.reset(token)
