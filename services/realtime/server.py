"""The Socket.IO server: logins, the organization's room, and what handlers of client requests use."""

import logging
from collections.abc import Awaitable, Callable
from functools import partial

from prometheus_client import Gauge
from pydantic import ValidationError

from services.realtime.backlog import BacklogLimits, Backlogs
from services.realtime.client_error_log import ClientErrorLog
from services.realtime.client_requests import parse_since
from services.realtime.connection_recovery import ConnectionRecovery
from services.realtime.connection_registry import ConnectionRegistry, SocketConnection
from services.realtime.handshake import identify, token_of
from services.realtime.linking_codes import LinkingCodes
from services.realtime.nats_clients import NatsClients
from services.realtime.payloads import Payload, SocketEvents
from services.realtime.rate_budget import FailureBudget, RateBudget
from services.realtime.request_dispatcher import RequestDispatcher, RequestHandler
from services.realtime.room_store import RoomStore
from services.realtime.rooms import OrganizationRooms
from services.realtime.send_queue import SendQueue, encode_events
from services.realtime.settings import RealtimeSettings
from services.realtime.socket_access import SocketAccess
from services.realtime.socket_server import SocketIoServer
from services.realtime.transport import ConnectionHooks
from shared.contracts.errors import Problem
from shared.contracts.events import AccessRevoked
from shared.contracts.message import Query
from shared.contracts.principal import Principal, Scope
from shared.messaging.client import JetStreamContext, NatsClient
from shared.messaging.command_client import CommandClient
from shared.messaging.ordered_consumer import OrderedConsumer
from shared.messaging.publisher import Publisher
from shared.messaging.rpc_client import rpc_request
from shared.platform.outages import OUTAGE_ERRORS

SOCKETS = Gauge("switchboard_realtime_sockets", "Connected sockets")
QUERY_TIMEOUT_S = 5.0
"""For the api to answer a query, unless the caller has less time."""
LOGIN_QUERY_TIMEOUT_S = 1.0
"""For queries that a login or every request waits for: counting it, and the linking codes of the organization."""

DisconnectListener = Callable[[str, str], Awaitable[None]]
"""Called with the organization and the id of a socket that disconnected."""
log = logging.getLogger(__name__)


class RealtimeServer:
    """One Socket.IO server. Handlers register with `on`; they may be registered before NATS is connected (`start`)."""

    def __init__(self, settings: RealtimeSettings) -> None:
        self._settings = settings
        self._nats: NatsClients | None = None
        self._rooms: OrganizationRooms | None = None
        self._revocations: OrderedConsumer | None = None
        self.error_log = ClientErrorLog()
        self._connections = ConnectionRegistry(settings)
        self.recovery = ConnectionRecovery(RoomStore(self.require_nats))
        login_query = partial(self.query, timeout=LOGIN_QUERY_TIMEOUT_S)
        self._codes = LinkingCodes(self.principal_of, login_query, self.send_events)
        self._rates = RateBudget(login_query, settings.socket_caller_limit)
        self._failures = FailureBudget(login_query)
        hooks = ConnectionHooks(
            on_login=self._on_login,
            on_connected=self._on_connected,
            on_request=lambda *request: self.requests.dispatch(*request),
            on_disconnect=self._on_disconnect,
            is_overfull=lambda *queue: self.send_queue.is_overfull(*queue),
        )
        self.sio = SocketIoServer(settings, self._connections, hooks, self.error_log)
        self._access = SocketAccess(settings.token_ttl, self.sio, self._connections)
        limits = BacklogLimits(
            settings.socket_backlog,
            settings.socket_backlog_bytes,
            settings.socket_backlog_organization_bytes,
            settings.socket_backlog_total_bytes,
        )
        self.send_queue = SendQueue(self.sio, Backlogs(limits), settings.socket_patience, self._access.check)
        self.requests = RequestDispatcher(self._access, self._rates, self.send_queue, self.error_log)
        self._disconnect_listeners: list[DisconnectListener] = []
        self.on("join-organization", self._join_organization)

    async def start(self, client: NatsClient, js: JetStreamContext) -> None:
        """Begin to serve sockets. Raises NatsError while the stream is unreachable."""
        nats = NatsClients(client, js, CommandClient(client, Publisher(js)))
        self._revocations = nats.event_consumer(AccessRevoked.subject_filter(), self.on_access_revoked)
        await self._revocations.start(from_beginning=True)
        self._rooms = OrganizationRooms(nats, self.send_queue, self._settings.resume_limit)
        self._nats = nats

    async def close(self) -> None:
        """Disconnect every socket; clients reconnect to another replica."""
        self._access.close()
        await self.sio.shutdown()
        if self._revocations:
            await self._revocations.stop()
        if self._rooms:
            await self._rooms.close()

    # --- for handlers of requests

    def on(self, name: str, handler: RequestHandler, error_event: str = "") -> None:
        """`handler` answers this event of clients; a failure is also sent as the event `error_event`."""
        self.requests.register(name, handler, error_event)

    def on_disconnect(self, listener: DisconnectListener) -> None:
        """`listener` is called for every socket that disconnected, after it left its room."""
        self._disconnect_listeners.append(listener)

    def principal_of(self, sid: str) -> Principal:
        """Whose socket this is. Raises Problem 401 when its access was revoked or expired, 503 when it is gone."""
        if connection := self._connections.by_sid(sid):
            return self._access.require_principal(connection)
        raise Problem(503, "socket_closing", "this socket is being closed; connect again")

    def authorize(self, sid: str, scope: Scope, refusal: str = "") -> Principal:
        """Like `principal_of`, if it has `scope`. Raises Problem 403 otherwise, with the text `refusal`."""
        principal = self.principal_of(sid)
        if scope not in principal.scopes:
            raise Problem(
                403, "scope_missing", refusal or f"this needs the scope `{scope}`, which you do not have here"
            )
        return principal

    async def query(self, query: Query, timeout: float = QUERY_TIMEOUT_S) -> Payload:
        """What the api answers within `timeout` seconds. Raises Problem."""
        return await rpc_request(self.require_nats().client, query, timeout)

    async def charge(self, principal: Principal, count: int) -> None:
        """Count this request for `count` more. Raises Problem 429."""
        if count > 0:
            await self._rates.take(principal, count)

    async def send_events(self, sid: str, events: SocketEvents) -> None:
        """Those that the scopes of the socket allow."""
        await self.send_queue.send(sid, encode_events(events))

    def is_connected(self, organization_id: str, sid: str) -> bool:
        """The socket is in the room of its organization: every socket is, from its login until it disconnects."""
        return self._require_rooms().has_joined(organization_id, sid)

    def has_joined_organization(self, sid: str) -> bool:
        """Its client sent `join-organization`: it wants all events, not only those of a dialect."""
        return bool((connection := self._connections.by_sid(sid)) and connection.joined_organization)

    async def disconnect(self, sid: str) -> None:
        """Close this socket; its client does not reconnect by itself."""
        if connection := self._connections.by_sid(sid):
            await self.sio.close(connection, [self.sio.disconnect_packet()])

    def require_nats(self) -> NatsClients:
        """Raises Problem 503 while the service starts."""
        if self._nats is None:
            raise Problem(503, "starting", "the service is starting; try again")
        return self._nats

    def _require_rooms(self) -> OrganizationRooms:
        self.require_nats()
        assert self._rooms is not None
        return self._rooms

    # --- the life of a connection

    async def _on_login(self, connection: SocketConnection, sid: str, auth: object) -> None:
        try:
            principal = await self._authenticate(connection, auth)
            since = parse_since(auth)
            self._connections.log_in(connection, sid, principal)
            self.sio.handshakes.mark_known(connection.address)
            self.send_queue.start_counting(connection)
            self._access.close_at_expiry(connection)
            await self._require_rooms().join(principal.organization_id, sid, since, self._settings.join_grace)
            connection.pid = self.recovery.begin(sid, principal, auth)
        except OUTAGE_ERRORS as error:
            self._release(connection)
            self._connections.log_out(connection)
            connection.sid, connection.principal = "", None
            raise Problem(503, "bus_unavailable", "the message bus is not reachable; try again") from error
        SOCKETS.inc()

    async def _authenticate(self, connection: SocketConnection, auth: object) -> Principal:
        """Raises Problem 401, or 429 after too many wrong credentials from this address."""
        token = token_of(self.sio.environ.get(connection.id, {}), auth)
        try:
            client = self.require_nats().client
            principal = await identify(token, self._settings.verification_keys, client, connection.address)
        except Problem as problem:
            is_guess = problem.code == "token_invalid" and not problem.extra.get("counted")
            if is_guess and (refusal := await self._failures.count(connection.address)):
                raise refusal from problem
            raise
        self._access.require_not_revoked(principal)
        await self._rates.take(principal)  # a login counts as a request: it costs as much
        self._access.require_not_revoked(principal)
        return principal

    async def _on_connected(self, connection: SocketConnection) -> None:
        await self.recovery.restore(connection.sid, lambda name: self.requests.handlers[name].run)
        await self._codes.send_current(connection.sid)

    async def _on_disconnect(self, connection: SocketConnection) -> None:
        principal = connection.principal
        assert principal is not None
        await self.recovery.end(connection.sid)
        self._release(connection)
        if self._rooms:
            await self._rooms.leave(principal.organization_id, connection.sid)
        for listener in self._disconnect_listeners:
            await listener(principal.organization_id, connection.sid)
        SOCKETS.dec()

    def _release(self, connection: SocketConnection) -> None:
        self._access.cancel_timer(connection)
        self.send_queue.stop_counting(connection)

    async def on_access_revoked(self, _subject: str, _sequence: int, body: bytes) -> None:
        """Closes the sockets that were opened with this access; no new ones can be opened with it."""
        try:
            self._access.revoke(AccessRevoked.model_validate_json(body))
        except ValidationError as error:
            log.warning("an unreadable revocation is skipped: %s", error.errors()[0]["msg"])

    async def _join_organization(self, sid: str, data: object = None) -> Payload:
        principal = self.principal_of(sid)
        organization_id = data.get("organizationId") if isinstance(data, dict) else data
        if organization_id != principal.organization_id:
            raise Problem(403, "organization_mismatch", "this token belongs to another organization")
        result = await self._require_rooms().resume(principal.organization_id, sid, parse_since(data))
        if connection := self._connections.by_sid(sid):
            connection.joined_organization = True
            self.sio.run_in_background(self._codes.send_current(sid))
        reply: Payload = {"success": True, "sequence": result.sequence}
        return reply | {"resync": True} if result.must_reload else reply
