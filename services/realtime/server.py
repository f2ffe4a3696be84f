"""The Socket.IO server: who may connect, which room, what a client may ask."""

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from prometheus_client import Gauge
from pydantic import ValidationError

from services.realtime.backlog import BacklogLimits, Backlogs, PacketQueue
from services.realtime.client_error_log import ClientErrorLog
from services.realtime.client_requests import client_id_of, failure_reply, parse_since
from services.realtime.connection_recovery import ConnectionRecovery
from services.realtime.connection_registry import ConnectionRegistry, SocketConnection
from services.realtime.handshake import identify, token_of
from services.realtime.linking_codes import LinkingCodes
from services.realtime.nats_clients import NatsClients
from services.realtime.packet_parser import RESERVED_EVENTS, single_argument
from services.realtime.payloads import Payload, SocketEvents
from services.realtime.rate_budget import FailureBudget, RateBudget
from services.realtime.room_store import RoomStore
from services.realtime.send_message import send
from services.realtime.send_queue import SendQueue, encode_events
from services.realtime.settings import RealtimeSettings
from services.realtime.socket_access import SocketAccess
from services.realtime.socket_server import SocketIoServer
from services.realtime.transport import ConnectionHooks
from shared.contracts.errors import Problem
from shared.contracts.events import AccessRevoked
from shared.contracts.ids import new_id
from shared.contracts.message import Query
from shared.contracts.principal import Principal, Scope
from shared.contracts.request_id import bound_request_id
from shared.messaging.client import NatsError
from shared.messaging.rpc_client import rpc_request

SOCKETS = Gauge("switchboard_realtime_sockets", "Connected sockets")
Handler = Callable[[str, Any], Awaitable[Payload]]
"""Called with the socket's id and what it sent; its answer is the acknowledgement. Raises Problem."""
DisconnectListener = Callable[[str, str], Awaitable[None]]
"""Called with the organization and the id of a socket that is gone."""
RATE_LIMIT_TIMEOUT_S = 1.0
"""Seconds the api has to count a request."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RegisteredHandler:
    """What answers an event; `refused`: the event that tells this socket of a refusal as well."""

    handler: Handler
    error_event: str = ""


class RealtimeServer:
    """One Socket.IO server. `links` is what it needs of NATS, there while the service runs."""

    def __init__(self, settings: RealtimeSettings) -> None:
        self._settings, self._keys = settings, settings.verification_keys
        self.nats: NatsClients | None = None
        self.error_log = ClientErrorLog()
        self._connections = ConnectionRegistry(settings)
        self.recovery = ConnectionRecovery(RoomStore(self.require_nats))
        self._codes = LinkingCodes(self.principal_of, self.query, self.send_events)
        hooks = ConnectionHooks(
            self._on_login, self._on_connected, self._on_request, self._on_disconnect, self._is_overfull
        )
        self.sio = SocketIoServer(settings, self._connections, hooks, self.error_log)
        self._access = SocketAccess(settings.token_ttl, self.sio, self._connections)
        limits = BacklogLimits(
            settings.socket_backlog,
            settings.socket_backlog_bytes,
            settings.socket_backlog_organization_bytes,
            settings.socket_backlog_total_bytes,
        )
        self.send_queue = SendQueue(self.sio, Backlogs(limits), settings.socket_patience, self._access.is_valid)
        self._rates = RateBudget(self.query, settings.socket_caller_limit)
        self._failures = FailureBudget(self.query)
        self._disconnect_listeners: list[DisconnectListener] = []
        self.requests: dict[str, RegisteredHandler] = {}
        """By the name of the event. Nothing else a client sends runs anything."""
        self.on("join-organization", self._join_organization)
        self.on("send_message", self._send_message, refused="message_send_error")

    def on(self, name: str, handler: Handler, refused: str = "") -> None:
        """Answer this event; a Problem becomes the answer, and also the event `refused` to this socket."""
        assert name not in RESERVED_EVENTS, f"{name} is no name for an event of clients"
        self.requests[name] = RegisteredHandler(handler, refused)

    def on_disconnect(self, leaving: DisconnectListener) -> None:
        """Tell this one of every socket that is gone, after its room was told."""
        self._disconnect_listeners.append(leaving)

    def has_joined_organization(self, sid: str) -> bool:
        """It asked for all that happens in its organization."""
        return bool((found := self._connections.by_sid(sid)) and found.joined_organization)

    async def close(self) -> None:
        """Say goodbye to every socket; clients reconnect to another replica."""
        self._access.close()
        await self.sio.shutdown()

    async def _on_login(self, connection: SocketConnection, sid: str, auth: Any) -> None:
        try:
            principal = await self._authenticate(connection, auth)
            since = parse_since(auth)
            self._connections.log_in(connection, sid, principal)
            self.sio.handshakes.mark_known(connection.address)
            self.send_queue.start_counting(connection)
            self._access.close_at_expiry(connection)
            rooms = self.require_nats().rooms
            await rooms.join(principal.organization_id, sid, since, self._settings.join_grace)
            connection.pid = self.recovery.begin(sid, principal, auth)
        except (NatsError, TimeoutError, OSError) as error:
            self._release(connection)
            self._connections.log_out(connection)
            connection.sid, connection.principal = "", None
            raise Problem(503, "bus_unavailable", "the message bus is not reachable; try again") from error
        SOCKETS.inc()

    async def _on_connected(self, connection: SocketConnection) -> None:
        await self.recovery.restore(connection.sid, lambda name: self.requests[name].handler)
        await self._codes.send_current(connection.sid)

    async def _authenticate(self, connection: SocketConnection, auth: Any) -> Principal:
        """Raises Problem 401, 429 instead after too many wrong credentials from this address."""
        token = token_of(self.sio.environ.get(connection.id, {}), auth)
        try:
            principal = await identify(token, self._keys, self.require_nats().client, connection.address)
        except Problem as problem:
            guessed = problem.code == "token_invalid" and not problem.extra.get("counted")
            if guessed and (refusal := await self._failures.count(connection.address)):
                raise refusal from problem
            raise
        self._access.require_not_revoked(principal)
        await self._rates.take(principal)  # opening a socket costs as much as asking something
        self._access.require_not_revoked(principal)
        return principal

    async def _on_disconnect(self, connection: SocketConnection) -> None:
        principal = connection.principal
        assert principal is not None
        await self.recovery.end(connection.sid)
        self._release(connection)
        if self.nats:
            await self.nats.rooms.leave(principal.organization_id, connection.sid)
        for leaving in self._disconnect_listeners:
            await leaving(principal.organization_id, connection.sid)
        SOCKETS.dec()

    def _is_overfull(self, connection: SocketConnection, queue: PacketQueue) -> bool:
        return self.send_queue.is_overfull(connection, queue)

    def _release(self, connection: SocketConnection) -> None:
        self._access.cancel_timer(connection)
        self.send_queue.stop_counting(connection)

    async def on_access_revoked(self, _address: str, _sequence: int, body: bytes) -> None:
        """An AccessEnded of the stream: the sockets that were opened with it end, and no new ones begin."""
        try:
            self._access.revoke(AccessRevoked.model_validate_json(body))
        except ValidationError as error:
            log.warning("an unreadable ending is left out: %s", error.errors()[0]["msg"])

    async def _on_request(self, connection: SocketConnection, name: str, arguments: list[Any]) -> Payload | None:
        """None for an event that nothing answers."""
        found = self.requests.get(name)
        try:
            return await self._run_handler(connection, name, found, arguments)
        except Problem as problem:
            failure = failure_reply(problem) | client_id_of(arguments)
        except Exception as error:
            self.error_log.log_failure(f"a request {name if found else ''} of a socket failed", error)
            fault = Problem(500, "internal_error", "something went wrong here; the log has the reason")
            failure = failure_reply(fault) | client_id_of(arguments)
        if found and found.error_event:
            await self.send_queue.send_reply(connection.sid, found.error_event, failure)
        return failure

    async def _run_handler(
        self, connection: SocketConnection, name: str, found: RegisteredHandler | None, arguments: list[Any]
    ) -> Payload | None:
        """Access is asked about before and after: a request may take long, and its answer tells something."""
        principal = self._access.require_principal(connection)
        connection.take_request(time.monotonic())
        if name in RESERVED_EVENTS:
            raise Problem(422, "reserved_event", "this name belongs to Socket.IO; a client cannot send it")
        if found is None:
            return None
        data = single_argument(arguments)
        await self._rates.take(principal)
        connection.requests_in_progress += 1
        try:
            with bound_request_id(new_id()):
                answer = await found.handler(connection.sid, data)
        finally:
            connection.requests_in_progress -= 1
        self._access.require_principal(connection)
        return answer

    async def charge(self, principal: Principal, count: int) -> None:
        """Count a request for more than one. Raises Problem 429."""
        if count > 0:
            await self._rates.take(principal, count)

    async def send_events(self, sid: str, events: SocketEvents) -> None:
        """Events of a dialect, to a socket that may hear them."""
        await self.send_queue.send(sid, encode_events(events))

    def authorize(self, sid: str, scope: Scope) -> Principal:
        """Whose socket this is. Raises Problem 401, 403."""
        principal = self.principal_of(sid)
        if scope not in principal.scopes:
            raise Problem(403, "scope_missing", f"this needs the scope `{scope}`, which you do not have here")
        return principal

    def principal_of(self, sid: str) -> Principal:
        """Whose socket this is, while its access goes on. Raises Problem 401, 503."""
        if connection := self._connections.by_sid(sid):
            return self._access.require_principal(connection)
        raise Problem(503, "socket_closing", "this socket is being closed; connect again")

    async def disconnect(self, sid: str) -> None:
        """The socket's work is done."""
        if connection := self._connections.by_sid(sid):
            await self.sio.close(connection, [self.sio.disconnect_packet()])

    async def _join_organization(self, sid: str, data: Any = None) -> Payload:
        principal = self.principal_of(sid)
        wanted = data.get("organizationId") if isinstance(data, dict) else data
        if wanted != principal.organization_id:
            raise Problem(403, "organization_mismatch", "this token belongs to another organization")
        standing = await self.require_nats().rooms.resume(principal.organization_id, sid, parse_since(data))
        if connection := self._connections.by_sid(sid):
            connection.joined_organization = True
            self.sio.run_in_background(self._codes.send_current(sid))
        return {"success": True, "sequence": standing.sequence} | ({"resync": True} if standing.must_reload else {})

    async def _send_message(self, sid: str, data: Any = None) -> Payload:
        principal = self.principal_of(sid)
        answer = await send(data, principal, self.require_nats().commands, self._settings.send_wait) | client_id_of(
            [data]
        )
        await self.send_queue.send_reply(sid, "message_sent_success", answer)
        return {"success": True, **answer}

    async def query(self, query: Query) -> Payload:
        return await rpc_request(self.require_nats().client, query, RATE_LIMIT_TIMEOUT_S)

    def require_nats(self) -> NatsClients:
        """Raises Problem 503 while the service starts."""
        if self.nats is None:
            raise Problem(503, "starting", "the service is starting; try again")
        return self.nats
