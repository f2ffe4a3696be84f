"""What people and keys with the scope `manage` changed goes into the audit log, before they hear that it is done."""

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.middleware.http_methods import SAFE_METHODS
from services.api.store.audit import AuditEvent
from shared.contracts.principal import Principal
from shared.platform.mongo import PyMongoError

log = logging.getLogger(__name__)


class AuditMiddleware:
    """ASGI middleware closest to the routes; a route that asks for the scope `manage` sets `state.managing`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            await self._app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            caller = scope["state"].get("caller")
            done = message["type"] == "http.response.start" and message["status"] < 300
            if done and scope["state"].get("managing") and isinstance(caller, Principal):
                await _record(scope, caller)
            await send(message)

        await self._app(scope, receive, answer)


async def _record(scope: Scope, caller: Principal) -> None:
    """It is done already: when the log cannot be written, the service's own log keeps it."""
    client = scope.get("client")
    deed = AuditEvent(
        organization_id=caller.organization_id,
        actor=caller.subject,
        action=scope["endpoint"].__name__,
        address=client[0] if client else "",
        request_id=scope["state"]["request_id"],
        target={name: str(value) for name, value in scope.get("path_params", {}).items()},
    )
    try:
        await scope["app"].state.context.audit.record(deed)
    except PyMongoError:
        log.exception("the audit log cannot be written: %s", deed)
