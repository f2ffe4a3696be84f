"""Routes for front ends that know a single account: connect, status, disconnect.

The account is the organization's oldest instance; the first connect creates it.
"""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter
from pydantic import Field

from services.api.compat.camel_case import CamelCaseModel
from services.api.compat.instance_selection import RequestedNetwork, find_default, get_or_create_default
from services.api.context import ApiContext, Ctx, LimitedManager, LimitedReader
from services.api.nats.served_on_nats import answers
from services.api.responses import Ok
from services.api.routes import instance_connection
from services.api.views.instance_status import (
    CurrentPairingCode,
    CurrentQr,
    connection_of,
    current_pairing_code,
    current_qr,
    read_current_pairing_code,
    read_current_qr,
)
from shared.contracts.principal import Principal
from shared.contracts.queries import ReadDefaultInstance
from shared.contracts.records import ConnectionStatus as S

router = APIRouter(prefix="/api/whatsapp", tags=["one account"])


class SingleAccountConnecting(Ok, CamelCaseModel):
    """Sockets then get the QR code as `whatsapp:qr`, later `whatsapp:ready`."""

    initializing: Literal[True] = True
    instance_id: str


class SingleAccountStatus(Ok, CamelCaseModel):
    """`isInitializing`: the account is connecting and the user has nothing to do; false while there is a code to enter.

    `qr` and `pairingCode`: the current code, for callers with the scope `manage`. `phoneNumber`: digits."""

    is_ready: bool
    is_initializing: bool
    has_qr: bool = Field(alias="hasQR")
    has_pairing_code: bool = False
    phone_number: str | None = None
    instance_id: str | None = None
    status: S = S.DISCONNECTED
    reason: str | None = None
    detail: str | None = None
    last_connected_at: datetime | None = None
    qr: CurrentQr | None = None
    pairing_code: CurrentPairingCode | None = None


@router.post("/connect")
async def connect(context: Ctx, caller: LimitedManager, network: RequestedNetwork) -> SingleAccountConnecting:
    """Start connecting by QR code; responds before there is one."""
    instance = await get_or_create_default(context, caller, network)
    await instance_connection.connect(context, caller, instance.id, instance_connection.ConnectRequest(method="qr"))
    return SingleAccountConnecting(instance_id=instance.id)


@router.get("/status")
async def status(context: Ctx, caller: LimitedReader) -> SingleAccountStatus:
    """The current status; does not wait."""
    account = await default_account_status(context, caller)
    if account.instance_id and "manage" in caller.scopes:
        code_of = (context.database, caller.organization_id, account.instance_id)
        if account.has_qr:
            account.qr = await read_current_qr(*code_of)
        if account.has_pairing_code:
            account.pairing_code = await read_current_pairing_code(*code_of)
    return account


@answers(ReadDefaultInstance)
async def default_account_status(context: ApiContext, caller: Principal) -> SingleAccountStatus:
    """The status without codes, which other services must not get over NATS."""
    instance = await find_default(context, caller)
    if instance is None:
        return SingleAccountStatus(is_ready=False, is_initializing=False, has_qr=False)
    connection = await connection_of(context.database, caller.organization_id, instance.id)
    state = connection.status
    has_qr, has_code = current_qr(connection) is not None, current_pairing_code(connection) is not None
    return SingleAccountStatus(
        is_ready=state is S.CONNECTED,
        is_initializing=not state.is_settled and not (has_qr or has_code),
        has_qr=has_qr,
        has_pairing_code=has_code,
        phone_number=connection.phone_number or instance.phone_number,
        instance_id=instance.id,
        status=state,
        reason=connection.reason,
        detail=connection.detail,
        last_connected_at=connection.last_connected_at,
    )


@router.post("/disconnect")
async def disconnect(context: Ctx, caller: LimitedManager) -> instance_connection.DisconnectResult:
    """Close the connection and keep the device keys. Without an account, nothing is done."""
    instance = await find_default(context, caller)
    if instance is None:
        return instance_connection.DisconnectResult(status=S.DISCONNECTED)
    return await instance_connection.disconnect(context, caller, instance.id)
