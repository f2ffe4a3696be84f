"""Whether the access that a socket was opened with is still valid: not expired and not revoked.

It is checked at every request and every event. A timer besides closes a socket that neither sends nor receives.
"""

import asyncio
import time
from datetime import timedelta

from services.realtime.connection_registry import ConnectionRegistry, SocketConnection
from services.realtime.revoked_access import RevocationList
from services.realtime.send_queue import event_packet
from services.realtime.transport import Transport
from shared.contracts.errors import Problem
from shared.contracts.events import AccessRevoked
from shared.contracts.principal import API_KEY_SUBJECT_PREFIX, Principal

MIN_EXPIRY_DELAY_S = 0.05


class SocketAccess:
    """`token_lifetime`: how long revocations are remembered."""

    def __init__(self, token_lifetime: timedelta, transport: Transport, connections: ConnectionRegistry) -> None:
        self._revocations = RevocationList(token_lifetime)
        self._transport = transport
        self._connections = connections
        self._timers: dict[str, asyncio.TimerHandle] = {}
        """By socket id."""

    def close_at_expiry(self, connection: SocketConnection) -> None:
        """Close the socket when the token or API key it was opened with expires."""
        assert connection.principal is not None
        expires_at = connection.principal.expires_at
        if expires_at is not None:
            delay_s = max(MIN_EXPIRY_DELAY_S, expires_at - time.time())
            loop = asyncio.get_running_loop()
            self._timers[connection.sid] = loop.call_later(delay_s, self._check_expiry, connection)

    def cancel_timer(self, connection: SocketConnection) -> None:
        """The socket is gone."""
        if timer := self._timers.pop(connection.sid, None):
            timer.cancel()

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()

    def _check_expiry(self, connection: SocketConnection) -> None:
        if self.check(connection):  # the clock was set back
            self.close_at_expiry(connection)

    def revoke(self, event: AccessRevoked) -> None:
        """Close the sockets that were opened with this access; no new ones can be opened with it."""
        self._revocations.add(event)
        for connection in self._connections.of_organization(event.organization_id):
            self.check(connection)

    def require_not_revoked(self, principal: Principal) -> None:
        """Raises Problem 401."""
        if error := self._access_error(principal):
            raise error

    def require_principal(self, connection: SocketConnection) -> Principal:
        """Raises Problem 401, and closes the socket, when its access is no longer valid."""
        if not self.check(connection):
            closing = Problem(503, "socket_closing", "this socket is being closed; connect again")
            raise connection.access_error or closing
        assert connection.principal is not None
        return connection.principal

    def check(self, connection: SocketConnection) -> bool:
        """Whether the access of this socket is valid. When it is not, the socket is closed with the reason."""
        if connection.principal is None or connection.closing:
            return False
        connection.access_error = connection.access_error or self._access_error(connection.principal)
        if connection.access_error is None:
            return True
        reason = {"code": connection.access_error.code, "reason": connection.access_error.detail}
        last_packets = [event_packet("session:ended", reason), self._transport.disconnect_packet()]
        self._transport.start_closing(connection, last_packets)
        return False

    def _access_error(self, principal: Principal) -> Problem | None:
        if revocation := self._revocations.revocation_for(principal):
            return Problem(401, revocation.code, revocation.reason)
        if principal.expires_at is None or time.time() < principal.expires_at:
            return None
        if principal.subject.startswith(API_KEY_SUBJECT_PREFIX):
            return Problem(401, "api_key_expired", "the API key has expired; make another one and reconnect")
        return Problem(401, "token_expired", "the access token has expired; log in again and reconnect")
