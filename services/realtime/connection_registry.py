"""The open connections of this process, counted by address, caller and organization, and their limits. No I/O."""

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from services.realtime.settings import RealtimeSettings
from services.realtime.token_bucket import TokenBucket
from shared.contracts.errors import Problem
from shared.contracts.principal import Principal

CounterKey = TypeVar("CounterKey")

MAX_REQUESTS_IN_PROGRESS = 32
"""Of one socket."""
PACKETS_PER_REQUEST = 5
"""A socket may send this many times as many packets of any kind as requests."""


@dataclass(eq=False)
class SocketConnection:
    """One Engine.IO transport; with `sid` and `principal` once its Socket.IO client has logged in."""

    id: str
    """The Engine.IO session id."""
    address: str
    packet_bucket: TokenBucket
    """Packets of any kind: beyond it they are read later."""
    request_bucket: TokenBucket
    """Requests: beyond it they are answered `rate_limited`."""
    sid: str = ""
    principal: Principal | None = None
    pid: str = ""
    """The client sends it when it reconnects (services/realtime/connection_recovery.py)."""
    connect_packets: int = 0
    """Socket.IO CONNECT packets so far."""
    logging_in: bool = False
    requests_in_progress: int = 0
    joined_organization: bool = False
    """The client sent `join-organization`."""
    access_error: Problem | None = None
    """Why its access ended; set once."""
    abort: Callable[[], None] | None = None
    """Breaks its WebSocket without a close handshake."""
    closing: bool = False
    closed: bool = False
    disconnect_handled: bool = False
    opened_at: float = field(default_factory=time.monotonic)

    def take_request(self, now: float) -> None:
        """Count one request. Raises Problem 429 when this socket sends too many."""
        if wait := self.request_bucket.take(now):
            retry_after = math.ceil(wait * 1000) / 1000
            detail = f"too many requests on this socket; try again in {retry_after} s"
            raise Problem(429, "rate_limited", detail, retryAfter=retry_after)
        if self.requests_in_progress >= MAX_REQUESTS_IN_PROGRESS:
            detail = f"{MAX_REQUESTS_IN_PROGRESS} requests of this socket are not answered yet; wait for their answers"
            raise Problem(429, "rate_limited", detail, retryAfter=1)


class ConnectionRegistry:
    """Counters are per address, caller and organization; of a closed connection nothing remains."""

    def __init__(self, settings: RealtimeSettings) -> None:
        self._settings = settings
        self._by_id: dict[str, SocketConnection] = {}
        self._by_sid: dict[str, SocketConnection] = {}
        self._addresses = Counter[str]()
        self._without_login = Counter[str]()
        self._callers = Counter[tuple[str, str]]()
        self._organizations = Counter[str]()

    def __len__(self) -> int:
        return len(self._by_id)

    def of_organization(self, organization_id: str) -> list[SocketConnection]:
        """The connections of this organization that are logged in."""
        return [
            each
            for each in self._by_sid.values()
            if each.principal and each.principal.organization_id == organization_id
        ]

    def get(self, connection_id: str) -> SocketConnection | None:
        """By the Engine.IO session id."""
        return self._by_id.get(connection_id)

    def by_sid(self, sid: str) -> SocketConnection | None:
        """By the Socket.IO session id."""
        return self._by_sid.get(sid)

    def require_capacity(self, address: str) -> None:
        """Raises Problem 429 when this address has as many connections as it may, 503 when this process has."""
        if len(self) >= self._settings.socket_max:
            raise Problem(503, "too_many_sockets", "this server has as many sockets as it may; try again in a moment")
        if self._addresses[address] >= self._settings.socket_max_per_address:
            raise Problem(429, "too_many_sockets", "too many sockets are open from this address; close some first")
        if self._without_login[address] >= self._settings.socket_max_pending:
            detail = "too many sockets from this address have not logged in yet; log in on those, or close them"
            raise Problem(429, "too_many_sockets", detail)

    def open(self, connection_id: str, address: str) -> SocketConnection:
        """Raises Problem like `require_capacity`."""
        self.require_capacity(address)
        now, settings = time.monotonic(), self._settings
        rate, burst = settings.socket_rate, settings.socket_burst
        packets = TokenBucket.full(PACKETS_PER_REQUEST * rate, PACKETS_PER_REQUEST * burst, now)
        connection = SocketConnection(connection_id, address, packets, TokenBucket.full(rate, burst, now))
        self._by_id[connection_id] = connection
        self._addresses[address] += 1
        self._without_login[address] += 1
        return connection

    def log_in(self, connection: SocketConnection, sid: str, principal: Principal) -> None:
        """Raises Problem 429 when the caller or the organization has as many sockets as it may."""
        if connection.id not in self._by_id:
            raise Problem(503, "socket_closing", "this socket is being closed; connect again")
        caller = (principal.organization_id, principal.subject)
        if self._callers[caller] >= self._settings.socket_max_per_caller:
            raise Problem(429, "too_many_sockets", "this user or API key has too many open sockets; close some first")
        if self._organizations[principal.organization_id] >= self._settings.socket_max_per_organization:
            raise Problem(429, "too_many_sockets", "this organization has too many open sockets; close some first")
        connection.sid, connection.principal = sid, principal
        self._by_sid[sid] = connection
        self._callers[caller] += 1
        self._organizations[principal.organization_id] += 1
        _decrement(self._without_login, connection.address)

    def log_out(self, connection: SocketConnection) -> None:
        """Repeatable. The client cannot log in again on this connection."""
        if connection.principal is None or self._by_sid.pop(connection.sid, None) is None:
            return
        _decrement(self._callers, (connection.principal.organization_id, connection.principal.subject))
        _decrement(self._organizations, connection.principal.organization_id)
        if connection.id in self._by_id:
            self._without_login[connection.address] += 1

    def close(self, connection: SocketConnection) -> None:
        """Repeatable."""
        self.log_out(connection)
        if self._by_id.pop(connection.id, None) is not None:
            _decrement(self._addresses, connection.address)
            _decrement(self._without_login, connection.address)


def _decrement(counter: Counter[CounterKey], key: CounterKey) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
