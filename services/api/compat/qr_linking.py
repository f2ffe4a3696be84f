"""Links an account and waits for the QR code, for clients that expect the code in the response."""

from services.api.context import ApiContext
from services.api.routes.instance_connection import connect_and_await_code, require_connected
from services.api.views.instance_status import CurrentQr, connection_of, current_qr
from shared.contracts.commands import ConnectInstance
from shared.contracts.errors import Problem
from shared.contracts.events import ConnectionChanged, QrIssued
from shared.contracts.instance_records import InstanceRecord
from shared.contracts.message import Event
from shared.contracts.records import ConnectionStatus as S

QR_TIMEOUT_S = 30.0
"""For the first code: connecting, and a response of WhatsApp."""


async def first_qr(context: ApiContext, instance: InstanceRecord) -> CurrentQr | None:
    """The current code; connects the instance if there is none. None when it is linked and connected already.

    Raises Problem 504 `qr_timeout`, or 502 with the reason when connecting failed.
    """
    connection = await connection_of(context.database, instance.organization_id, instance.id)
    if connection.status is S.CONNECTED:
        return None
    if code := current_qr(connection):
        return code
    command = ConnectInstance(
        organization_id=instance.organization_id, instance_id=instance.id, network=instance.network
    )

    return _code(await connect_and_await_code(context, command, QrIssued, QR_TIMEOUT_S))


def _code(event: Event | None) -> CurrentQr | None:
    if isinstance(event, QrIssued):
        return CurrentQr.model_validate(event.model_dump(include=set(CurrentQr.model_fields)))
    if not isinstance(event, ConnectionChanged):
        raise Problem(504, "qr_timeout", f"no QR code within {QR_TIMEOUT_S:g} s; ask again, or look at the status")
    require_connected(event, "try again")
    return None
