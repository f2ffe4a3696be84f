"""The Socket.IO server: who may connect, which room, what a client may ask."""

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from nats.errors import Error as NatsError
from prometheus_client import Gauge
from pydantic import ValidationError

from services.realtime.backlog import BacklogLimits, Backlogs, PacketQueue
from services.realtime.client_error_log import Notes
from services.realtime.client_requests import echo_of, failure_of, since_of
from services.realtime.connection_limits import Connection, Connections
from services.realtime.connection_recovery import Recovery
from services.realtime.handshake import identify, token_of
from services.realtime.linking_codes import ShownCodes
from services.realtime.nats_clients import Links
from services.realtime.packet_parser import RESERVED, the_argument
from services.realtime.payloads import Payload, Wire
from services.realtime.rate_budget import FailureBudget, RateBudget
from services.realtime.room_store import KeptRooms
from services.realtime.send_message import send
from services.realtime.send_queue import Outgoing, encode
from services.realtime.settings import RealtimeSettings
from services.realtime.socket_access import Access
from services.realtime.socket_server import SocketServer
from services.realtime.transport import Hooks
from shared.contracts.errors import Problem
from shared.contracts.events import AccessRevoked
from shared.contracts.ids import new_id
from shared.contracts.message import Query
from shared.contracts.principal import Principal, Scope
from shared.contracts.request_id import bound_request_id
from shared.messaging.rpc_client import rpc_request

SOCKETS = Gauge("switchboard_realtime_sockets", "Connected sockets")
Handler = Callable[[str, Any], Awaitable[Payload]]
"""Called with the socket's id and what it sent; its answer is the acknowledgement. Raises Problem."""
Leaving = Callable[[str, str], Awaitable[None]]
"""Called with the organization and the id of a socket that is gone."""
_RATE_ANSWER = 1.0
"""Seconds the api has to count a request."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Registered:
    """What answers an event; `refused`: the event that tells this socket of a refusal as well."""

    handler: Handler
    refused: str = ""


class RealtimeServer:
    """One Socket.IO server. `links` is what it needs of NATS, there while the service runs."""

    def __init__(self, settings: RealtimeSettings) -> None:
        self._settings, self._keys = settings, settings.verification_keys
        self.links: Links | None = None
        self.notes = Notes()
        self._connections = Connections(settings)
        self.recovery = Recovery(KeptRooms(self.linked))
        self._codes = ShownCodes(self.principal, self._ask, self.tell)
        hooks = Hooks(self._logged_in, self._connected, self._requested, self._left, self._is_overfull)
        self.sio = SocketServer(settings, self._connections, hooks, self.notes)
        self._access = Access(settings.token_ttl, self.sio, self._connections)
        limits = BacklogLimits(
            settings.socket_backlog,
            settings.socket_backlog_bytes,
            settings.socket_backlog_organization_bytes,
            settings.socket_backlog_total_bytes,
        )
        self.outgoing = Outgoing(self.sio, Backlogs(limits), settings.socket_patience, self._access.goes_on)
        self._rates = RateBudget(self._ask, settings.socket_caller_limit)
        self._failures = FailureBudget(self._ask)
        self._leaving: list[Leaving] = []
        self.requests: dict[str, Registered] = {}
        """By the name of the event. Nothing else a client sends runs anything."""
        self.on("join-organization", self._join_organization)
        self.on("send_message", self._send_message, refused="message_send_error")

    def on(self, name: str, handler: Handler, refused: str = "") -> None:
        """Answer this event; a Problem becomes the answer, and also the event `refused` to this socket."""
        assert name not in RESERVED, f"{name} is no name for an event of clients"
        self.requests[name] = Registered(handler, refused)

    def when_left(self, leaving: Leaving) -> None:
        """Tell this one of every socket that is gone, after its room was told."""
        self._leaving.append(leaving)

    def joined_organization(self, sid: str) -> bool:
        """It asked for all that happens in its organization."""
        return bool((found := self._connections.of_socket(sid)) and found.joined)

    async def close(self) -> None:
        """Say goodbye to every socket; clients reconnect to another replica."""
        self._access.close()
        await self.sio.shutdown()

    async def _logged_in(self, connection: Connection, sid: str, auth: Any) -> None:
        try:
            principal = await self._identified(connection, auth)
            since = since_of(auth)
            self._connections.log_in(connection, sid, principal)
            self.sio.openings.know(connection.address)
            self.outgoing.count(connection)
            self._access.watch(connection)
            rooms = self.linked().rooms
            await rooms.join(principal.organization_id, sid, since, self._settings.join_grace)
            connection.pid = self.recovery.begin(sid, principal, auth)
        except (NatsError, TimeoutError, OSError) as error:
            self._forget(connection)
            self._connections.log_out(connection)
            connection.sid, connection.principal = "", None
            raise Problem(503, "bus_unavailable", "the message bus is not reachable; try again") from error
        SOCKETS.inc()

    async def _connected(self, connection: Connection) -> None:
        await self.recovery.restore(connection.sid, lambda name: self.requests[name].handler)
        await self._codes.show(connection.sid)

    async def _identified(self, connection: Connection, auth: Any) -> Principal:
        """Raises Problem 401, 429 instead after too many wrong credentials from this address."""
        token = token_of(self.sio.environ.get(connection.id, {}), auth)
        try:
            principal = await identify(token, self._keys, self.linked().client, connection.address)
        except Problem as problem:
            guessed = problem.code == "token_invalid" and not problem.extra.get("counted")
            if guessed and (refusal := await self._failures.count(connection.address)):
                raise refusal from problem
            raise
        self._access.require(principal)
        await self._rates.take(principal)  # opening a socket costs as much as asking something
        self._access.require(principal)
        return principal

    async def _left(self, connection: Connection) -> None:
        principal = connection.principal
        assert principal is not None
        await self.recovery.end(connection.sid)
        self._forget(connection)
        if self.links:
            await self.links.rooms.leave(principal.organization_id, connection.sid)
        for leaving in self._leaving:
            await leaving(principal.organization_id, connection.sid)
        SOCKETS.dec()

    def _is_overfull(self, connection: Connection, queue: PacketQueue) -> bool:
        return self.outgoing.is_overfull(connection, queue)

    def _forget(self, connection: Connection) -> None:
        self._access.forget(connection)
        self.outgoing.uncount(connection)

    async def end_access(self, _address: str, _sequence: int, body: bytes) -> None:
        """An AccessEnded of the stream: the sockets that were opened with it end, and no new ones begin."""
        try:
            self._access.end(AccessRevoked.model_validate_json(body))
        except ValidationError as error:
            log.warning("an unreadable ending is left out: %s", error.errors()[0]["msg"])

    async def _requested(self, connection: Connection, name: str, arguments: list[Any]) -> Payload | None:
        """None for an event that nothing answers."""
        found = self.requests.get(name)
        try:
            return await self._answered(connection, name, found, arguments)
        except Problem as problem:
            failure = failure_of(problem) | echo_of(arguments)
        except Exception as error:
            self.notes.failed(f"a request {name if found else ''} of a socket failed", error)
            fault = Problem(500, "internal_error", "something went wrong here; the log has the reason")
            failure = failure_of(fault) | echo_of(arguments)
        if found and found.refused:
            await self.outgoing.answer(connection.sid, found.refused, failure)
        return failure

    async def _answered(
        self, connection: Connection, name: str, found: Registered | None, arguments: list[Any]
    ) -> Payload | None:
        """Access is asked about before and after: a request may take long, and its answer tells something."""
        principal = self._access.require_of(connection)
        connection.require_turn(time.monotonic())
        if name in RESERVED:
            raise Problem(422, "reserved_event", "this name belongs to Socket.IO; a client cannot send it")
        if found is None:
            return None
        data = the_argument(arguments)
        await self._rates.take(principal)
        connection.under_way += 1
        try:
            with bound_request_id(new_id()):
                answer = await found.handler(connection.sid, data)
        finally:
            connection.under_way -= 1
        self._access.require_of(connection)
        return answer

    async def charge(self, principal: Principal, count: int) -> None:
        """Count a request for more than one. Raises Problem 429."""
        if count > 0:
            await self._rates.take(principal, count)

    async def tell(self, sid: str, events: Wire) -> None:
        """Events of a dialect, to a socket that may hear them."""
        await self.outgoing.send(sid, encode(events))

    def allowed(self, sid: str, scope: Scope) -> Principal:
        """Whose socket this is. Raises Problem 401, 403."""
        principal = self.principal(sid)
        if scope not in principal.scopes:
            raise Problem(403, "scope_missing", f"this needs the scope `{scope}`, which you do not have here")
        return principal

    def principal(self, sid: str) -> Principal:
        """Whose socket this is, while its access goes on. Raises Problem 401, 503."""
        if connection := self._connections.of_socket(sid):
            return self._access.require_of(connection)
        raise Problem(503, "socket_closing", "this socket is being closed; connect again")

    async def hang_up(self, sid: str) -> None:
        """The socket's work is done."""
        if connection := self._connections.of_socket(sid):
            await self.sio.close(connection, [self.sio.goodbye()])

    async def _join_organization(self, sid: str, data: Any = None) -> Payload:
        principal = self.principal(sid)
        wanted = data.get("organizationId") if isinstance(data, dict) else data
        if wanted != principal.organization_id:
            raise Problem(403, "organization_mismatch", "this token belongs to another organization")
        standing = await self.linked().rooms.resume(principal.organization_id, sid, since_of(data))
        if connection := self._connections.of_socket(sid):
            connection.joined = True
            self.sio.start(self._codes.show(sid))
        return {"success": True, "sequence": standing.sequence} | ({"resync": True} if standing.must_reload else {})

    async def _send_message(self, sid: str, data: Any = None) -> Payload:
        principal = self.principal(sid)
        answer = await send(data, principal, self.linked().dispatcher, self._settings.send_wait) | echo_of([data])
        await self.outgoing.answer(sid, "message_sent_success", answer)
        return {"success": True, **answer}

    async def _ask(self, query: Query) -> Payload:
        return await rpc_request(self.linked().client, query, _RATE_ANSWER)

    def linked(self) -> Links:
        """Raises Problem 503 while the service starts."""
        if self.links is None:
            raise Problem(503, "starting", "the service is starting; try again")
        return self.links
