"""Whether the access a socket was opened with goes on: checked at every request and at every event, by the clock and by
what is known of ended accesses. The timer only closes a silent socket in time."""

import asyncio
import time
from datetime import timedelta

from services.realtime.connection_registry import ConnectionRegistry, SocketConnection
from services.realtime.revoked_access import RevocationList
from services.realtime.send_queue import event_packet
from services.realtime.transport import Transport
from shared.contracts.errors import Problem
from shared.contracts.events import AccessRevoked
from shared.contracts.principal import Principal

API_KEY_SUBJECT_PREFIX = "key:"
"""How the subject of an API key begins."""
MIN_EXPIRY_DELAY_S = 0.05
"""Seconds."""


class SocketAccess:
    """kept: how long an ended access is remembered, the life of a token."""

    def __init__(self, kept: timedelta, transport: Transport, connections: ConnectionRegistry) -> None:
        self._revocations = RevocationList(kept)
        self._transport, self._connections = transport, connections
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def close_at_expiry(self, connection: SocketConnection) -> None:
        """A socket lives no longer than the token or key it was opened with."""
        assert connection.principal is not None
        expires_at = connection.principal.expires_at
        if expires_at is not None:
            delay = max(MIN_EXPIRY_DELAY_S, expires_at - time.time())
            self._timers[connection.sid] = asyncio.get_running_loop().call_later(delay, self._check_expiry, connection)

    def cancel_timer(self, connection: SocketConnection) -> None:
        """It is gone."""
        if timer := self._timers.pop(connection.sid, None):
            timer.cancel()

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()

    def _check_expiry(self, connection: SocketConnection) -> None:
        if self.is_valid(connection):  # the clock was set back
            self.close_at_expiry(connection)

    def revoke(self, event: AccessRevoked) -> None:
        """The sockets that were opened with it end, and no new ones begin."""
        self._revocations.add(event)
        for connection in self._connections.of_organization(event.organization_id):
            self.is_valid(connection)

    def require_not_revoked(self, principal: Principal) -> None:
        """Raises Problem 401."""
        if over := self._access_error(principal):
            raise over

    def require_principal(self, connection: SocketConnection) -> Principal:
        """Raises Problem 401 when the access of this socket is over, and ends the socket."""
        if not self.is_valid(connection):
            raise connection.access_error or Problem(
                503, "socket_closing", "this socket is being closed; connect again"
            )
        assert connection.principal is not None
        return connection.principal

    def is_valid(self, connection: SocketConnection) -> bool:
        """False ends the socket."""
        if connection.principal is None or connection.closing:
            return False
        connection.access_error = connection.access_error or self._access_error(connection.principal)
        if connection.access_error is None:
            return True
        ended = {"code": connection.access_error.code, "reason": connection.access_error.detail}
        last = [event_packet("session:ended", ended), self._transport.disconnect_packet()]
        self._transport.start_closing(connection, last)
        return False

    def _access_error(self, principal: Principal) -> Problem | None:
        if over := self._revocations.revocation_for(principal):
            return Problem(401, over.code, over.reason)
        if principal.expires_at is None or time.time() < principal.expires_at:
            return None
        if principal.subject.startswith(API_KEY_SUBJECT_PREFIX):
            return Problem(401, "api_key_expired", "the API key has expired; make another one and reconnect")
        return Problem(401, "token_expired", "the access token has expired; log in again and reconnect")
