"""Rooms of named sessions: a socket that joins one receives its QR codes and status until the account is linked.

The events of an organization are consumed while one of its sockets is in such a room. Events contain instance ids; the
api knows the names.
"""

import asyncio
import logging
from dataclasses import dataclass, field

from pydantic import ValidationError

from services.realtime.api_replies import CurrentQrReply, InstanceNameReply, SessionReply
from services.realtime.dialects.named_sessions_payloads import SESSION_COMPLETE, qr_code_events, session_events_of
from services.realtime.payloads import Payload, SocketEvents
from services.realtime.server import RealtimeServer
from shared.contracts.errors import Problem
from shared.contracts.events import ConnectionChanged, QrIssued
from shared.contracts.message import Query
from shared.contracts.principal import Principal
from shared.contracts.queries import ReadCurrentQr, ReadInstance, ReadSession
from shared.contracts.records import ConnectionStatus as S
from shared.contracts.registry import organization_events_filter, parse_event
from shared.messaging.ordered_consumer import MessageHandler, OrderedConsumer
from shared.platform.background import run_once
from shared.platform.keyed_locks import KeyedLocks
from shared.platform.outages import OUTAGE_ERRORS
from shared.text.session_names import SESSION_NAME_RULE, parse_session_name

DISCONNECT_DELAY_S = 1.0
"""After `session-complete`, sockets that were only in that room are disconnected."""
MAX_SESSIONS_PER_SOCKET = 20
SESSION_QUERY_TIMEOUT_S = 2.0
"""Short, because the consumer waits for the answer before it delivers the next event."""

log = logging.getLogger(__name__)


@dataclass
class OrganizationSessions:
    """The session rooms of one organization at this replica."""

    organization_id: str
    consumer: OrderedConsumer | None = None
    sockets: dict[str, set[str]] = field(default_factory=dict)
    """Socket ids by session name."""
    instance_names: dict[str, str] = field(default_factory=dict)
    """By instance id, as the api answered last."""

    def leave(self, sid: str, name: str | None = None) -> None:
        """The socket leaves one session, or all of them."""
        for each in [name] if name else list(self.sockets):
            self.sockets.get(each, set()).discard(sid)
            if not self.sockets.get(each):
                self.sockets.pop(each, None)

    def names_of(self, sid: str) -> set[str]:
        """The sessions this socket is in."""
        return {name for name, sids in self.sockets.items() if sid in sids}


class NamedSessionHandlers:
    """Registers itself with the server."""

    def __init__(self, server: RealtimeServer) -> None:
        self._server = server
        self._organizations: dict[str, OrganizationSessions] = {}
        self._locks = KeyedLocks()
        self._disconnects: dict[tuple[str, str], asyncio.Task[None]] = {}
        """Delayed disconnects, by socket and session name."""
        server.on("join-session", self._join)
        server.on("leave-session", self._leave)
        server.on_disconnect(self._remove)

    async def close(self) -> None:
        for disconnect in self._disconnects.values():
            disconnect.cancel()
        for sessions in self._organizations.values():
            if sessions.consumer:
                await sessions.consumer.stop()
        self._organizations.clear()

    async def _join(self, sid: str, data: object) -> Payload:
        name = _session_name(data)
        refusal = "whoever scans the code links their account: this needs scope `manage`"
        principal = self._server.authorize(sid, "manage", refusal)
        organization_id = principal.organization_id
        async with self._locks.of(organization_id):
            sessions = self._organizations.get(organization_id) or await self._open(organization_id)
            if not self._server.is_connected(organization_id, sid):
                await self._close_if_unused(sessions)
                raise Problem(503, "socket_closing", "this socket is being closed; connect again")
            if len(sessions.names_of(sid) | {name}) > MAX_SESSIONS_PER_SOCKET:
                detail = f"a socket waits for {MAX_SESSIONS_PER_SOCKET} sessions; leave some first"
                raise Problem(429, "too_many_sessions", detail)
            sessions.sockets.setdefault(name, set()).add(sid)
        try:
            await self._send(sessions, name, {sid}, await self._current_events(principal, name))
        except Problem:
            await self._remove(organization_id, sid, name)
            raise
        await self._server.recovery.join(sid, ("join-session", name))
        return {"success": True}

    async def _leave(self, sid: str, data: object) -> Payload:
        principal, name = self._server.principal_of(sid), _session_name(data)
        await self._server.recovery.leave(sid, ("join-session", name))
        await self._remove(principal.organization_id, sid, name)
        return {"success": True}

    async def _remove(self, organization_id: str, sid: str, name: str | None = None) -> None:
        """The socket leaves one session, or all of them."""
        async with self._locks.of(organization_id):
            if sessions := self._organizations.get(organization_id):
                sessions.leave(sid, name)
                await self._close_if_unused(sessions)

    async def _open(self, organization_id: str) -> OrganizationSessions:
        sessions = OrganizationSessions(organization_id)
        nats, subject_filter = self._server.require_nats(), organization_events_filter(organization_id)
        sessions.consumer = nats.event_consumer(subject_filter, self._event_handler(sessions))
        try:
            await sessions.consumer.start()
        except OUTAGE_ERRORS as error:
            await sessions.consumer.stop()
            raise Problem(503, "bus_unavailable", "the message bus is not reachable; try again in a moment") from error
        self._organizations[organization_id] = sessions
        return sessions

    async def _close_if_unused(self, sessions: OrganizationSessions) -> None:
        if not sessions.sockets:
            del self._organizations[sessions.organization_id]
            if sessions.consumer:
                await sessions.consumer.stop()

    # --- events for the rooms

    async def _current_events(self, principal: Principal, name: str) -> SocketEvents:
        """For a socket that joins after the code was issued, or when the account is linked already."""
        organization_id = principal.organization_id
        try:
            answer = await self._query(ReadSession(organization_id=organization_id, name=name))
            instance = SessionReply.model_validate(answer).instance
            if instance.status not in (S.CONNECTED, S.QR_PENDING):
                return []
            state = ConnectionChanged(organization_id=organization_id, status=S(instance.status))
            events = session_events_of(name, state)
            if state.status is S.CONNECTED:
                return events
            query = ReadCurrentQr(organization_id=organization_id, instance_id=instance.id)
            code = CurrentQrReply.model_validate(await self._query(query)).data
            return events + qr_code_events(name, code)
        except Problem as problem:
            if problem.status == 404:  # no such session, or no code of it, yet
                return []
            raise

    def _event_handler(self, sessions: OrganizationSessions) -> MessageHandler:
        async def on_event(subject: str, sequence: int, body: bytes) -> None:
            try:
                event = parse_event(subject, body)
            except ValidationError:
                return
            if not isinstance(event, QrIssued | ConnectionChanged):
                return
            name = await self._instance_name(sessions, event.instance_id)
            sids = set(sessions.sockets.get(name, ())) if name else set()
            if name and sids:
                await self._send(sessions, name, sids, session_events_of(name, event))

        return on_event

    async def _instance_name(self, sessions: OrganizationSessions, instance_id: str) -> str | None:
        """Asked each time, because an instance may be renamed; while the api is unreachable, its last answer."""
        query = ReadInstance(organization_id=sessions.organization_id, instance_id=instance_id)
        try:
            instance = InstanceNameReply.model_validate(await self._query(query)).instance
            sessions.instance_names[instance_id] = instance.instance_name
        except Problem as problem:
            log.warning("the api did not answer with the name of instance %s: %s", instance_id, problem.code)
        return sessions.instance_names.get(instance_id)

    async def _query(self, query: Query) -> Payload:
        return await self._server.query(query, SESSION_QUERY_TIMEOUT_S)

    async def _send(self, sessions: OrganizationSessions, name: str, sids: set[str], events: SocketEvents) -> None:
        for sid in sids:
            if (sid, name) in self._disconnects:
                continue
            await self._server.send_events(sid, events)
            if any(event == SESSION_COMPLETE for event, _ in events):
                disconnect = self._disconnect_later(sessions, sid, name)
                self._disconnects[sid, name] = run_once("disconnect after session-complete", disconnect)

    async def _disconnect_later(self, sessions: OrganizationSessions, sid: str, name: str) -> None:
        """Unless the socket left the session, is in another one, or joined its organization."""
        await asyncio.sleep(DISCONNECT_DELAY_S)
        del self._disconnects[sid, name]
        if sessions.names_of(sid) == {name} and not self._server.has_joined_organization(sid):
            await self._server.disconnect(sid)


def _session_name(data: object) -> str:
    """The name itself, or an object with `sessionName`. Raises Problem 422."""
    name = data.get("sessionName") if isinstance(data, dict) else data
    if not isinstance(name, str):
        raise Problem(422, "invalid_session_name", f"give the session's name: {SESSION_NAME_RULE}")
    try:
        return parse_session_name(name)
    except ValueError as error:
        raise Problem(422, "invalid_session_name", str(error)) from error
