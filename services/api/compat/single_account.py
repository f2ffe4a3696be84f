"""The dialect of front ends that know one account: connect, status, disconnect.

They mean the organization's oldest instance; the first connect makes it.
"""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter

from services.api.compat.instance_selection import RequestedNetwork, find_default, get_or_create_default
from services.api.context import ApiContext, Ctx, LimitedManager, LimitedReader
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
from shared.contracts.records import ConnectionStatus as S

router = APIRouter(prefix="/api/whatsapp", tags=["one account"])


class SingleAccountConnecting(Ok):
    """The QR code follows over the socket as `whatsapp:qr`, then `whatsapp:ready`."""

    initializing: Literal[True] = True
    instanceId: str


class SingleAccountStatus(Ok):
    """`isInitializing`: the account is being connected and the user has nothing to do; false while a code is shown.

    `qr` and `pairingCode`: the code that is shown, for callers with the scope `manage`. `phoneNumber`: digits."""

    isReady: bool
    isInitializing: bool
    hasQR: bool
    hasPairingCode: bool = False
    phoneNumber: str | None = None
    instanceId: str | None = None
    status: S = S.DISCONNECTED
    reason: str | None = None
    detail: str | None = None
    lastConnectedAt: datetime | None = None
    qr: CurrentQr | None = None
    pairingCode: CurrentPairingCode | None = None


@router.post("/connect")
async def connect(context: Ctx, caller: LimitedManager, network: RequestedNetwork) -> SingleAccountConnecting:
    """Start connecting by QR code; answers before there is one."""
    found = await get_or_create_default(context, caller, network)
    await instance_connection.connect(context, caller, found["_id"], instance_connection.ConnectRequest(method="qr"))
    return SingleAccountConnecting(instanceId=found["_id"])


@router.get("/status")
async def status(context: Ctx, caller: LimitedReader) -> SingleAccountStatus:
    """How the account does, without waiting for anything."""
    found = await default_account_status(context, caller)
    if found.instanceId and "manage" in caller.scopes:
        if found.hasQR:
            found.qr = await read_current_qr(context.database, caller.organization_id, found.instanceId)
        if found.hasPairingCode:
            found.pairingCode = await read_current_pairing_code(
                context.database, caller.organization_id, found.instanceId
            )
    return found


async def default_account_status(context: ApiContext, caller: Principal) -> SingleAccountStatus:
    """The same without a code, which services on the bus must not hear."""
    found = await find_default(context, caller)
    if found is None:
        return SingleAccountStatus(isReady=False, isInitializing=False, hasQR=False)
    link = await connection_of(context.database, caller.organization_id, found["_id"])
    state = S(link.get("status", S.DISCONNECTED))
    has_qr, has_code = current_qr(link) is not None, current_pairing_code(link) is not None
    return SingleAccountStatus(
        isReady=state is S.CONNECTED,
        isInitializing=not state.is_settled and not (has_qr or has_code),
        hasQR=has_qr,
        hasPairingCode=has_code,
        phoneNumber=link.get("phone_number") or found["phone_number"],
        instanceId=found["_id"],
        status=state,
        reason=link.get("reason"),
        detail=link.get("detail"),
        lastConnectedAt=link.get("last_connected_at"),
    )


@router.post("/disconnect")
async def disconnect(context: Ctx, caller: LimitedManager) -> instance_connection.DisconnectResult:
    """Close the connection and keep the device keys. Without an account there is nothing to close."""
    found = await find_default(context, caller)
    if found is None:
        return instance_connection.DisconnectResult(status=S.DISCONNECTED)
    return await instance_connection.disconnect(context, caller, found["_id"])
