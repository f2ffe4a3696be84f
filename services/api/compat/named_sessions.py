"""Routes for clients with named sessions: a session is an instance with a name that the client chooses."""

from typing import Annotated

from fastapi import APIRouter, Path

from services.api.compat.camel_case import CamelCaseModel
from services.api.compat.instance_selection import RequestedNetwork, find_named, get_or_create_named
from services.api.context import Ctx, LimitedManager
from services.api.dependencies import depends_on
from services.api.nats.served_on_nats import answers
from services.api.responses import Ok
from services.api.routes import instance_connection
from services.api.routes.instances import InstanceItem
from services.api.views.instance_status import connection_of, instance_of
from shared.contracts.errors import Problem
from shared.contracts.queries import ReadSession
from shared.text.session_names import MAX_SESSION_NAME, SESSION_NAME_PATTERN, SESSION_NAME_RULE, parse_session_name

router = APIRouter(prefix="/api/sessions", tags=["sessions by name"])


class SessionConnecting(Ok, CamelCaseModel):
    """Sockets that joined the session then get `qr-code`, `status-update` and `session-complete`."""

    message: str
    session_name: str
    instance_id: str


_name_path = Path(
    description=f"{SESSION_NAME_RULE[0].upper()}{SESSION_NAME_RULE[1:]}",
    json_schema_extra={"pattern": SESSION_NAME_PATTERN, "minLength": 1, "maxLength": MAX_SESSION_NAME},
)


def _session_name(session_name: Annotated[str, _name_path]) -> str:
    try:
        return parse_session_name(session_name)
    except ValueError as error:
        raise Problem(422, "invalid_session_name", f"sessionName: {error}") from error


SessionName = Annotated[str, depends_on(_session_name)]


@router.post("/{session_name}/initialize-with-qr")
async def initialize_with_qr(
    context: Ctx, caller: LimitedManager, name: SessionName, network: RequestedNetwork
) -> SessionConnecting:
    """Start connecting by QR code, and create the session if there is none; responds before there is a code."""
    instance = await get_or_create_named(context, caller, name, network)
    await instance_connection.connect(context, caller, instance.id, instance_connection.ConnectRequest(method="qr"))
    message = f"initializing; join-session {name} on the socket for its QR code and status"
    return SessionConnecting(message=message, session_name=name, instance_id=instance.id)


@answers(ReadSession)
async def read_session(context: Ctx, caller: LimitedManager, name: str) -> InstanceItem:
    """The instance with this name. Raises Problem 404 `session_not_found`."""
    instance = await find_named(context, caller, name)
    if instance is None:
        detail = f"there is no session {name}; POST /api/sessions/{name}/initialize-with-qr makes it"
        raise Problem(404, "session_not_found", detail)
    return InstanceItem(
        instance=instance_of(instance, await connection_of(context.database, caller.organization_id, instance.id))
    )
