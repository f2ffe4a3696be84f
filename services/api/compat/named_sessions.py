"""The dialect of the session rooms: a session is an instance with a name of the client's choice."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from services.api.compat.instance_selection import RequestedNetwork, find_named, get_or_create_named
from services.api.context import ApiContext, Ctx, LimitedManager
from services.api.responses import Ok
from services.api.routes import instance_connection
from services.api.routes.instances import InstanceItem
from services.api.views.instance_status import connection_of, instance_of
from shared.contracts.errors import Problem
from shared.contracts.principal import Principal
from shared.text.session_names import MAX_SESSION_NAME, SESSION_NAME_PATTERN, SESSION_NAME_RULE, parse_session_name

router = APIRouter(prefix="/api/sessions", tags=["sessions by name"])


class SessionConnecting(Ok):
    """What follows comes over the socket to who joined the session: `qr-code`, `status-update`, `session-complete`."""

    message: str
    sessionName: str
    instanceId: str


_name_path = Path(
    description=f"{SESSION_NAME_RULE[0].upper()}{SESSION_NAME_RULE[1:]}",
    json_schema_extra={"pattern": SESSION_NAME_PATTERN, "minLength": 1, "maxLength": MAX_SESSION_NAME},
)


def _session_name(session_name: Annotated[str, _name_path]) -> str:
    try:
        return parse_session_name(session_name)
    except ValueError as error:
        raise Problem(422, "invalid_session_name", f"sessionName: {error}") from error


SessionName = Annotated[str, Depends(_session_name)]


@router.post("/{session_name}/initialize-with-qr")
async def initialize_with_qr(
    context: Ctx, caller: LimitedManager, name: SessionName, network: RequestedNetwork
) -> SessionConnecting:
    """Start connecting by QR code, making the session if there is none; answers before there is a code."""
    found = await get_or_create_named(context, caller, name, network)
    await instance_connection.connect(context, caller, found["_id"], instance_connection.ConnectRequest(method="qr"))
    message = f"initializing; join-session {name} on the socket for its QR code and status"
    return SessionConnecting(message=message, sessionName=name, instanceId=found["_id"])


async def read_session(context: ApiContext, caller: Principal, name: str) -> InstanceItem:
    """The instance that is meant by this name. Raises Problem 404 `session_not_found`."""
    found = await find_named(context, caller, name)
    if found is None:
        detail = f"there is no session {name}; POST /api/sessions/{name}/initialize-with-qr makes it"
        raise Problem(404, "session_not_found", detail)
    return InstanceItem(
        instance=instance_of(found, await connection_of(context.database, caller.organization_id, found["_id"]))
    )
