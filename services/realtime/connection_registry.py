"""The open transports of this process: from which address, for whom, and how many there may be. No I/O."""

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from services.realtime.settings import RealtimeSettings
from services.realtime.token_bucket import TokenBucket
from shared.contracts.errors import Problem
from shared.contracts.principal import Principal

MAX_REQUESTS_IN_PROGRESS = 32
"""Requests of one socket that are worked on at the same time."""


@dataclass(eq=False)
class SocketConnection:
    """One Engine.IO transport; with `sid` and `principal` once its Socket.IO client has logged in."""

    id: str
    """Engine.IO's."""
    address: str
    packet_bucket: TokenBucket
    """Packets of any kind; what is more is read later."""
    request_bucket: TokenBucket
    sid: str = ""
    principal: Principal | None = None
    pid: str = ""
    """What the client shows when it connects again (services/realtime/connection_recovery.py)."""
    connect_packets: int = 0
    """Socket.IO CONNECT packets so far."""
    logging_in: bool = False
    requests_in_progress: int = 0
    """Requests that are not answered yet."""
    joined_organization: bool = False
    """It asked for everything that happens in its organization."""
    access_error: Problem | None = None
    """Why its access is over, noted once and never taken back."""
    abort: Callable[[], None] | None = None
    """Breaks its WebSocket."""
    closing: bool = False
    closed: bool = False
    disconnect_handled: bool = False
    opened_at: float = field(default_factory=time.monotonic)

    def take_request(self, now: float) -> None:
        """Count one request. Raises Problem 429 when this socket has asked too much."""
        if wait := self.request_bucket.take(now):
            retry_after = math.ceil(wait * 1000) / 1000
            detail = f"too many requests on this socket; try again in {retry_after} s"
            raise Problem(429, "rate_limited", detail, retryAfter=retry_after)
        if self.requests_in_progress >= MAX_REQUESTS_IN_PROGRESS:
            detail = f"{MAX_REQUESTS_IN_PROGRESS} requests of this socket are not answered yet; wait for their answers"
            raise Problem(429, "rate_limited", detail, retryAfter=1)


class ConnectionRegistry:
    """Counted per address, per caller and per organization; nothing is kept of a connection that is gone."""

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
        """Those of an organization."""
        found = (each for each in self._by_sid.values() if each.principal)
        return [each for each in found if each.principal and each.principal.organization_id == organization_id]

    def get(self, connection_id: str) -> SocketConnection | None:
        """By Engine.IO's id."""
        return self._by_id.get(connection_id)

    def by_sid(self, sid: str) -> SocketConnection | None:
        """By Socket.IO's id."""
        return self._by_sid.get(sid)

    def require_capacity(self, address: str) -> None:
        """Raises Problem 429 when no more transports may be opened from this address, 503 when from nowhere."""
        if len(self) >= self._settings.socket_max:
            raise Problem(503, "too_many_sockets", "this server has as many sockets as it may; try again in a moment")
        if self._addresses[address] >= self._settings.socket_max_per_address:
            raise Problem(429, "too_many_sockets", "too many sockets are open from this address; close some first")
        if self._without_login[address] >= self._settings.socket_max_pending:
            detail = "too many sockets from this address have not logged in yet; log in on those, or close them"
            raise Problem(429, "too_many_sockets", detail)

    def open(self, connection_id: str, address: str) -> SocketConnection:
        """Raises Problem like `require_room`."""
        self.require_capacity(address)
        now, settings = time.monotonic(), self._settings
        rate, burst = settings.socket_rate, settings.socket_burst
        packets = TokenBucket(5 * rate, 5 * burst, 5 * burst, now)
        connection = SocketConnection(connection_id, address, packets, TokenBucket(rate, burst, burst, now))
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
        """Repeatable. It may not log in again on this transport."""
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


def _decrement(counter: Counter[Any], key: Any) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
