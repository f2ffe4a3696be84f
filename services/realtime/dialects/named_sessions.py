"""Rooms of sessions by name: who waits there hears the QR code and the status until the account is linked.

An organization's events are read for them while somebody waits; events name instances, the api knows their names.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from services.realtime.dialects.named_sessions_payloads import SESSION_COMPLETE, qr_code_events, session_events_of
from services.realtime.keyed_locks import KeyedLocks
from services.realtime.payloads import Payload, SocketEvents
from services.realtime.server import RealtimeServer
from shared.contracts.errors import Problem
from shared.contracts.events import ConnectionChanged, QrIssued
from shared.contracts.message import Query
from shared.contracts.principal import Principal
from shared.contracts.queries import ReadCurrentQr, ReadInstance, ReadSession
from shared.contracts.records import ConnectionStatus as S
from shared.contracts.registry import organization_events_filter, parse_event
from shared.messaging.client import NatsError
from shared.messaging.ordered_consumer import OrderedConsumer
from shared.messaging.rpc_client import rpc_request
from shared.platform.background import run_once
from shared.text.session_names import SESSION_NAME_RULE, parse_session_name

DISCONNECT_DELAY_S = 1.0
"""Seconds between `session-complete` and the end of the sockets that only waited for it."""
MAX_SESSIONS_PER_SOCKET = 20
"""Names one socket may wait for at the same time."""
QUERY_TIMEOUT_S = 2.0
"""Seconds the api has to answer; the feed must not stand still for long."""

log = logging.getLogger(__name__)


@dataclass
class OrganizationSessions:
    """Of one organization: the sockets by session name. `names`: of the instances, as far as they were asked for."""

    organization_id: str
    consumer: OrderedConsumer | None = None
    """There as long as it is watched."""
    sockets: dict[str, set[str]] = field(default_factory=dict)
    instance_names: dict[str, str] = field(default_factory=dict)

    def leave(self, sid: str, name: str | None = None) -> None:
        """One session, or all of them."""
        for each in [name] if name else list(self.sockets):
            self.sockets.get(each, set()).discard(sid)
            if not self.sockets.get(each):
                self.sockets.pop(each, None)

    def names_of(self, sid: str) -> set[str]:
        """The sessions this socket waits for."""
        return {name for name, sids in self.sockets.items() if sid in sids}


class NamedSessionHandlers:
    """Registers itself for its events."""

    def __init__(self, server: RealtimeServer) -> None:
        self._server = server
        self._organizations: dict[str, OrganizationSessions] = {}
        self._locks = KeyedLocks()
        self._disconnects: dict[tuple[str, str], asyncio.Task[None]] = {}
        server.on("join-session", self._join)
        server.on("leave-session", self._leave)
        server.on_disconnect(self._forget)

    async def close(self) -> None:
        for farewell in self._disconnects.values():
            farewell.cancel()
        for watch in self._organizations.values():
            if watch.consumer:
                await watch.consumer.stop()
        self._organizations.clear()

    async def _join(self, sid: str, data: Any) -> Payload:
        principal, name = self._server.principal_of(sid), _session_name(data)
        if "manage" not in principal.scopes:
            raise Problem(403, "scope_missing", "whoever scans the code links his account: this needs scope `manage`")
        organization_id = principal.organization_id
        async with self._locks.of(organization_id):
            watch = self._organizations.get(organization_id) or await self._open(organization_id)
            if not self._server.require_nats().rooms.is_joined(organization_id, sid):
                await self._close_if_unused(watch)
                raise Problem(503, "socket_closing", "this socket is being closed; connect again")
            if len(watch.names_of(sid) | {name}) > MAX_SESSIONS_PER_SOCKET:
                raise Problem(
                    429, "too_many_sessions", f"a socket waits for {MAX_SESSIONS_PER_SOCKET} sessions; leave some first"
                )
            watch.sockets.setdefault(name, set()).add(sid)
        try:
            await self._send(watch, name, {sid}, await self._current_events(principal, name))
        except Problem:
            await self._forget(organization_id, sid, name)
            raise
        await self._server.recovery.join(sid, ("join-session", name))
        return {"success": True}

    async def _open(self, organization_id: str) -> OrganizationSessions:
        links = self._server.require_nats()
        watch = OrganizationSessions(organization_id)
        watch.consumer = OrderedConsumer(
            links.client, links.js, organization_events_filter(organization_id), self._handler_of(watch)
        )
        try:
            await watch.consumer.start()
        except (NatsError, TimeoutError, OSError) as error:
            await watch.consumer.stop()
            raise Problem(503, "bus_unavailable", "the message bus is not reachable; try again in a moment") from error
        self._organizations[organization_id] = watch
        return watch

    async def _leave(self, sid: str, data: Any) -> Payload:
        principal, name = self._server.principal_of(sid), _session_name(data)
        await self._server.recovery.leave(sid, ("join-session", name))
        await self._forget(principal.organization_id, sid, name)
        return {"success": True}

    async def _forget(self, organization_id: str, sid: str, name: str | None = None) -> None:
        async with self._locks.of(organization_id):
            watch = self._organizations.get(organization_id)
            if watch is None:
                return
            watch.leave(sid, name)
            await self._close_if_unused(watch)

    async def _close_if_unused(self, watch: OrganizationSessions) -> None:
        if not watch.sockets:
            del self._organizations[watch.organization_id]
            if watch.consumer:
                await watch.consumer.stop()

    # --- what they are told

    async def _current_events(self, principal: Principal, name: str) -> SocketEvents:
        """For who joins after the code was issued, or when the account is linked already."""
        organization_id = principal.organization_id
        try:
            found = (await self._ask(ReadSession(organization_id=organization_id, name=name)))["instance"]
            if found["status"] not in (S.CONNECTED, S.QR_PENDING):
                return []
            now = ConnectionChanged(organization_id=organization_id, status=found["status"])
            state = session_events_of(name, now)
            if now.status is S.CONNECTED:
                return state
            code = (await self._ask(ReadCurrentQr(organization_id=organization_id, instance_id=found["id"])))["data"]
            return state + qr_code_events(name, code)
        except Problem as problem:
            if problem.status == 404:  # no such session, or no code of it, yet
                return []
            raise

    def _handler_of(self, watch: OrganizationSessions) -> Callable[[str, int, bytes], Awaitable[None]]:
        async def receive(address: str, sequence: int, body: bytes) -> None:
            try:
                event = parse_event(address, body)
            except ValidationError:
                return
            if not isinstance(event, QrIssued | ConnectionChanged):
                return
            name = await self._instance_name(watch, event.instance_id)
            sids = set(watch.sockets.get(name, ())) if name else set()
            if name and sids:
                await self._send(watch, name, sids, session_events_of(name, event))

        return receive

    async def _instance_name(self, watch: OrganizationSessions, instance_id: str) -> str | None:
        """Asked each time, for an instance may be given another name; the last known one while the api is away."""
        question = ReadInstance(organization_id=watch.organization_id, instance_id=instance_id)
        try:
            watch.instance_names[instance_id] = (await self._ask(question))["instance"]["instance_name"]
        except Problem as problem:
            log.warning("the name of instance %s is not told: %s", instance_id, problem.code)
        return watch.instance_names.get(instance_id)

    async def _ask(self, query: Query) -> Payload:
        return await rpc_request(self._server.require_nats().client, query, QUERY_TIMEOUT_S)

    async def _send(self, watch: OrganizationSessions, name: str, sids: set[str], wire: SocketEvents) -> None:
        for sid in sids:
            if (sid, name) in self._disconnects:
                continue
            await self._server.send_events(sid, wire)
            if any(event == SESSION_COMPLETE for event, _ in wire):
                self._disconnects[sid, name] = run_once("farewell", self._disconnect_later(watch, sid, name))

    async def _disconnect_later(self, watch: OrganizationSessions, sid: str, name: str) -> None:
        await asyncio.sleep(DISCONNECT_DELAY_S)
        del self._disconnects[sid, name]
        waits_here = sid in watch.sockets.get(name, ())
        if waits_here and not watch.names_of(sid) - {name} and not self._server.has_joined_organization(sid):
            await self._server.disconnect(sid)


def _session_name(data: Any) -> str:
    """The name itself, or an object with `sessionName`. Raises Problem 422."""
    name = data.get("sessionName") if isinstance(data, dict) else data
    if not isinstance(name, str):
        raise Problem(422, "invalid_session_name", f"give the session's name: {SESSION_NAME_RULE}")
    try:
        return parse_session_name(name)
    except ValueError as error:
        raise Problem(422, "invalid_session_name", str(error)) from error
