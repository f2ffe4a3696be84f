"""Writes successful changes to the audit log, before the response is sent: those that need the scope `manage`, and the
names of contacts."""

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.api.middleware.http_methods import SAFE_METHODS
from services.api.store.audit_log import AuditEvent
from shared.contracts.principal import Principal
from shared.platform.mongo import PyMongoError

log = logging.getLogger(__name__)


class AuditMiddleware:
    """ASGI middleware closest to the routes. The dependencies of its routes set `state.audited`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            await self._app(scope, receive, send)
            return

        async def send_after_audit(message: Message) -> None:
            caller = scope["state"].get("caller")
            succeeded = message["type"] == "http.response.start" and message["status"] < 300
            if succeeded and scope["state"].get("audited") and isinstance(caller, Principal):
                await _record(scope, caller)
            await send(message)

        await self._app(scope, receive, send_after_audit)


async def _record(scope: Scope, caller: Principal) -> None:
    """The change is already made: when MongoDB cannot store the entry, it goes to the service's own log."""
    client = scope.get("client")
    event = AuditEvent(
        organization_id=caller.organization_id,
        actor=caller.subject,
        action=scope["endpoint"].__name__,
        address=client[0] if client else "",
        request_id=scope["state"]["request_id"],
        target={name: str(value) for name, value in scope.get("path_params", {}).items()},
    )
    try:
        await scope["app"].state.context.audit.record(event)
    except PyMongoError:
        log.exception("an audit event cannot be stored: %s", event)
