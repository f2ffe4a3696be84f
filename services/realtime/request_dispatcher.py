"""Requests of clients: which handler runs, what a request costs, and how a failure is answered."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from services.realtime.client_error_log import ClientErrorLog
from services.realtime.client_requests import client_id_of, failure_reply
from services.realtime.connection_registry import SocketConnection
from services.realtime.packet_parser import RESERVED_EVENTS, single_argument
from services.realtime.payloads import Payload
from services.realtime.rate_budget import RateBudget
from services.realtime.send_queue import SendQueue
from services.realtime.socket_access import SocketAccess
from shared.contracts.errors import Problem
from shared.contracts.ids import new_id
from shared.contracts.request_id import bound_request_id

RequestHandler = Callable[[str, object], Awaitable[Payload]]
"""Called with the socket's id and the event's argument; returns the acknowledgement. Raises Problem."""


@dataclass(frozen=True)
class RegisteredHandler:
    run: RequestHandler
    error_event: str = ""
    """An event with the failure, sent besides the acknowledgement."""


class RequestDispatcher:
    """`handlers` by event name: nothing else that a client sends runs anything."""

    def __init__(
        self, access: SocketAccess, rates: RateBudget, send_queue: SendQueue, error_log: ClientErrorLog
    ) -> None:
        self._access = access
        self._rates = rates
        self._send_queue = send_queue
        self._error_log = error_log
        self.handlers: dict[str, RegisteredHandler] = {}

    def register(self, name: str, handler: RequestHandler, error_event: str = "") -> None:
        """`handler` answers this event. A failure is the acknowledgement and, if given, the event `error_event`."""
        assert name not in RESERVED_EVENTS, f"{name} is reserved by Socket.IO"
        self.handlers[name] = RegisteredHandler(handler, error_event)

    async def dispatch(self, connection: SocketConnection, name: str, arguments: list[object]) -> Payload | None:
        """The acknowledgement; None for an event without a handler."""
        registered = self.handlers.get(name)
        try:
            return await self._run(connection, name, registered, arguments)
        except Problem as problem:
            failure = failure_reply(problem) | client_id_of(arguments)
        except Exception as error:
            self._error_log.log_failure(f"a request {name if registered else ''} of a socket failed", error)
            fault = Problem(500, "internal_error", "something went wrong here; the log has the reason")
            failure = failure_reply(fault) | client_id_of(arguments)
        if registered and registered.error_event:
            await self._send_queue.send_reply(connection.sid, registered.error_event, failure)
        return failure

    async def _run(
        self, connection: SocketConnection, name: str, registered: RegisteredHandler | None, arguments: list[object]
    ) -> Payload | None:
        """Access is checked before and after: a request may take long, and its answer discloses something."""
        principal = self._access.require_principal(connection)
        connection.take_request(time.monotonic())
        if name in RESERVED_EVENTS:
            raise Problem(422, "reserved_event", "this name belongs to Socket.IO; a client cannot send it")
        if registered is None:
            return None
        argument = single_argument(arguments)
        await self._rates.take(principal)
        connection.requests_in_progress += 1
        try:
            with bound_request_id(new_id()):
                answer = await registered.run(connection.sid, argument)
        finally:
            connection.requests_in_progress -= 1
        self._access.require_principal(connection)
        return answer
