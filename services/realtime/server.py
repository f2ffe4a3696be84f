"""The Socket.IO server: who may connect, which room, what a client may ask."""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any

import socketio
from nats.errors import Error as NatsError
from prometheus_client import Gauge
from pydantic import ValidationError
from socketio.exceptions import ConnectionRefusedError as Refused

from services.realtime.ended import EndedAccess
from services.realtime.handshake import identify, token_of
from services.realtime.limits import Bucket
from services.realtime.links import Links
from services.realtime.outgoing import Outgoing
from services.realtime.sending import send
from services.realtime.settings import RealtimeSettings
from services.realtime.wire import Payload
from shared.auth import Principal
from shared.errors import Problem
from shared.events import AccessEnded
from shared.ids import new_id
from shared.tracing import following

SOCKETS = Gauge("switchboard_realtime_sockets", "Connected sockets")
Handler = Callable[[str, Any], Awaitable[Payload]]
"""Called with the socket's id and what it sent; its answer is the acknowledgement. Raises Problem."""
Leaving = Callable[[str, str], Awaitable[None]]
"""Called with the organization and the id of a socket that is gone."""
RETRYABLE = frozenset({409, 429, 502, 503, 504})
_EXPIRED = {"code": "token_expired", "reason": "the access token has expired; log in again and reconnect"}
log = logging.getLogger(__name__)


class RealtimeServer:
    """One Socket.IO server. `links` is what it needs of NATS, there while the service runs."""

    def __init__(self, settings: RealtimeSettings) -> None:
        self._settings, self._keys = settings, settings.verification_keys
        self.links: Links | None = None
        self.sio: Any = socketio.AsyncServer(
            async_mode="asgi", cors_allowed_origins=settings.cors_origins or None,
            max_http_buffer_size=settings.socket_payload_limit, ping_interval=20, ping_timeout=20,
        )  # fmt: skip
        self.outgoing = Outgoing(self.sio, settings.socket_backlog, settings.socket_patience)
        self._ended = EndedAccess(settings.token_ttl)
        self._principals: dict[str, Principal] = {}
        self._leaving: list[Leaving] = []
        self._expiries: dict[str, asyncio.TimerHandle] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self.sio.on("connect", self._connect)
        self.sio.on("disconnect", self._disconnect)
        self.on("join-organization", self._join_organization)
        self.on("send_message", self._send_message, refused="message_send_error")

    def on(self, name: str, handler: Handler, refused: str = "") -> None:
        """Answer this event; a Problem becomes the answer, and also the event `refused` to this socket.

        Every socket may ask only so often, whatever it asks.
        """

        async def answer(sid: str, data: Any = None) -> Payload:
            client_id = data.get("clientId") if isinstance(data, dict) else None
            echo = {"clientId": client_id} if isinstance(client_id, str) else {}
            try:
                await self._count(sid)
                with following(new_id()):
                    return await handler(sid, data)
            except Problem as problem:
                failure = _failure(problem) | echo
                if refused:
                    await self.sio.emit(refused, failure, to=sid)
                return failure

        self.sio.on(name, answer)

    def when_left(self, leaving: Leaving) -> None:
        """Tell this one of every socket that is gone, after its room was told."""
        self._leaving.append(leaving)

    async def joined_organization(self, sid: str) -> bool:
        """It asked for all that happens in its organization."""
        return bool((await self.sio.get_session(sid)).get("joined"))

    async def close(self) -> None:
        """Say goodbye to every socket; clients reconnect to another replica."""
        for handle in self._expiries.values():
            handle.cancel()
        await self.sio.shutdown()

    # --- handshake

    async def _connect(self, sid: str, environ: dict[str, Any], auth: Any = None) -> None:
        try:
            links = self.linked()
            principal = await identify(token_of(environ, auth), self._keys, links.client)
            self._require_going_on(principal)
            self._principals[sid] = principal
            await self.sio.save_session(sid, {"principal": principal, "bucket": self._bucket()})
            since = _since(auth)
            await links.rooms.join(principal.organization_id, sid, since, self._settings.join_grace)
        except Problem as problem:
            self._principals.pop(sid, None)
            raise Refused(problem.detail, {"code": problem.code, "status": problem.status}) from problem
        except (NatsError, TimeoutError, OSError) as error:
            self._principals.pop(sid, None)
            raise Refused("the message bus is not reachable; try again", {"code": "bus_unavailable"}) from error
        self._expire(sid, principal)
        SOCKETS.inc()

    async def _disconnect(self, sid: str, reason: str = "") -> None:
        if handle := self._expiries.pop(sid, None):
            handle.cancel()
        self._principals.pop(sid, None)
        principal = await self.principal(sid)
        if self.links:
            await self.links.rooms.leave(principal.organization_id, sid)
        for leaving in self._leaving:
            await leaving(principal.organization_id, sid)
        SOCKETS.dec()

    def _expire(self, sid: str, principal: Principal) -> None:
        """A socket lives no longer than the token it was opened with."""
        if principal.expires_at is not None:
            delay = max(0.0, principal.expires_at - time.time())
            self._expiries[sid] = asyncio.get_running_loop().call_later(delay, self._start_ending, sid, _EXPIRED)

    async def end_access(self, _address: str, _sequence: int, body: bytes) -> None:
        """An AccessEnded of the stream: the sockets that were opened with it end, and no new ones begin."""
        try:
            self._ended.note(AccessEnded.model_validate_json(body))
        except ValidationError as error:
            log.warning("an unreadable ending is left out: %s", error.errors()[0]["msg"])
            return
        for sid, principal in self._principals.items():
            if over := self._ended.why(principal):
                self._start_ending(sid, {"code": over.code, "reason": over.reason})

    def _require_going_on(self, principal: Principal) -> None:
        if over := self._ended.why(principal):
            raise Problem(401, over.code, over.reason)

    def _start_ending(self, sid: str, reason: Payload) -> None:
        task = asyncio.create_task(self._end(sid, reason))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end(self, sid: str, reason: Payload) -> None:
        await self.sio.emit("session:ended", reason, to=sid)
        await self.sio.disconnect(sid)

    # --- what clients ask

    async def _join_organization(self, sid: str, data: Any = None) -> Payload:
        principal = await self.principal(sid)
        wanted = data.get("organizationId") if isinstance(data, dict) else data
        if wanted != principal.organization_id:
            raise Problem(403, "organization_mismatch", "this token belongs to another organization")
        standing = await self.linked().rooms.resume(principal.organization_id, sid, _since(data))
        (await self.sio.get_session(sid))["joined"] = True
        return {"success": True, "sequence": standing.sequence} | ({"resync": True} if standing.must_reload else {})

    async def _send_message(self, sid: str, data: Any = None) -> Payload:
        principal = await self.principal(sid)
        answer = await send(data, principal, self.linked().dispatcher, self._settings.send_wait)
        if isinstance(data.get("clientId"), str):
            answer["clientId"] = data["clientId"]
        await self.sio.emit("message_sent_success", answer, to=sid)
        return {"success": True, **answer}

    def _bucket(self) -> Bucket:
        burst = self._settings.socket_burst
        return Bucket(self._settings.socket_rate, burst, burst, time.monotonic())

    async def _count(self, sid: str) -> None:
        wait = (await self.sio.get_session(sid))["bucket"].wait(time.monotonic())
        if wait:
            retry_after = math.ceil(wait * 1000) / 1000
            detail = f"too many requests on this socket; try again in {retry_after} s"
            raise Problem(429, "rate_limited", detail, retryAfter=retry_after)

    async def principal(self, sid: str) -> Principal:
        """Whose socket this is."""
        principal = (await self.sio.get_session(sid))["principal"]
        assert isinstance(principal, Principal)
        return principal

    def linked(self) -> Links:
        """Raises Problem 503 while the service starts."""
        if self.links is None:
            raise Problem(503, "starting", "the service is starting; try again")
        return self.links


def _since(data: Any) -> int | None:
    """The `sequence` of the newest event a client heard before. Raises Problem 422."""
    since = data.get("since") if isinstance(data, dict) else None
    if since is not None and (type(since) is not int or not 0 <= since < 2**63):
        raise Problem(422, "invalid_payload", "since: give the `sequence` of the last event you heard, a number")
    return since


def _failure(problem: Problem) -> Payload:
    retryable = problem.extra.get("retryable", problem.status in RETRYABLE)
    extra = {key: value for key, value in problem.extra.items() if key in ("retryAfter", "field")}
    return {"success": False, "error": problem.detail, "code": problem.code, "retryable": retryable} | extra
