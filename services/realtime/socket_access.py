"""Whether the access a socket was opened with goes on: checked at every request and at every event, by the clock and by
what is known of ended accesses. The timer only closes a silent socket in time."""

import asyncio
import time
from datetime import timedelta

from services.realtime.connection_limits import Connection, Connections
from services.realtime.revoked_access import EndedAccess
from services.realtime.send_queue import packet_of
from services.realtime.transport import Transport
from shared.contracts.errors import Problem
from shared.contracts.events import AccessRevoked
from shared.contracts.principal import Principal

_KEY = "key:"
"""How the subject of an API key begins."""
_SOON = 0.05
"""Seconds."""


class Access:
    """kept: how long an ended access is remembered, the life of a token."""

    def __init__(self, kept: timedelta, transport: Transport, connections: Connections) -> None:
        self._ended = EndedAccess(kept)
        self._transport, self._connections = transport, connections
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def watch(self, connection: Connection) -> None:
        """A socket lives no longer than the token or key it was opened with."""
        assert connection.principal is not None
        expires_at = connection.principal.expires_at
        if expires_at is not None:
            delay = max(_SOON, expires_at - time.time())
            self._timers[connection.sid] = asyncio.get_running_loop().call_later(delay, self._look, connection)

    def forget(self, connection: Connection) -> None:
        """It is gone."""
        if timer := self._timers.pop(connection.sid, None):
            timer.cancel()

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()

    def _look(self, connection: Connection) -> None:
        if self.goes_on(connection):  # the clock was set back
            self.watch(connection)

    def end(self, event: AccessRevoked) -> None:
        """The sockets that were opened with it end, and no new ones begin."""
        self._ended.note(event)
        for connection in self._connections.logged_in(event.organization_id):
            self.goes_on(connection)

    def require(self, principal: Principal) -> None:
        """Raises Problem 401."""
        if over := self._over(principal):
            raise over

    def require_of(self, connection: Connection) -> Principal:
        """Raises Problem 401 when the access of this socket is over, and ends the socket."""
        if not self.goes_on(connection):
            raise connection.ended or Problem(503, "socket_closing", "this socket is being closed; connect again")
        assert connection.principal is not None
        return connection.principal

    def goes_on(self, connection: Connection) -> bool:
        """False ends the socket."""
        if connection.principal is None or connection.closing:
            return False
        connection.ended = connection.ended or self._over(connection.principal)
        if connection.ended is None:
            return True
        ended = {"code": connection.ended.code, "reason": connection.ended.detail}
        last = [packet_of("session:ended", ended), self._transport.goodbye()]
        self._transport.start_closing(connection, last)
        return False

    def _over(self, principal: Principal) -> Problem | None:
        if over := self._ended.why(principal):
            return Problem(401, over.code, over.reason)
        if principal.expires_at is None or time.time() < principal.expires_at:
            return None
        if principal.subject.startswith(_KEY):
            return Problem(401, "api_key_expired", "the API key has expired; make another one and reconnect")
        return Problem(401, "token_expired", "the access token has expired; log in again and reconnect")
