"""The dialect of front ends that know one account: connect, status, disconnect.

They mean the organization's oldest instance; the first connect makes it.
"""

from datetime import datetime
from typing import Literal

from fastapi import APIRouter

from services.api.answers import Done
from services.api.compat.addressing import WantedNetwork, default_instance, find_default
from services.api.context import Ctx, LimitedManager, LimitedReader
from services.api.routes import connecting
from services.api.views.instances import RUNNING, connection_of, shows_qr
from shared.records import ConnectionStatus as S

router = APIRouter(prefix="/api/whatsapp", tags=["one account"])


class Initializing(Done):
    """The QR code follows over the socket as `whatsapp:qr`, then `whatsapp:ready`."""

    initializing: Literal[True] = True
    instanceId: str


class OneStatus(Done):
    """`isInitializing`: on its way to be ready, with or without a QR code to scan. `phoneNumber`: digits."""

    isReady: bool
    isInitializing: bool
    hasQR: bool
    phoneNumber: str | None = None
    instanceId: str | None = None
    status: S = S.DISCONNECTED
    reason: str | None = None
    detail: str | None = None
    lastConnectedAt: datetime | None = None


@router.post("/connect")
async def connect(context: Ctx, caller: LimitedManager, network: WantedNetwork) -> Initializing:
    """Start connecting by QR code; answers before there is one."""
    found = await default_instance(context, caller, network)
    await connecting.connect(context, caller, found["_id"], connecting.ConnectRequest(method="qr"))
    return Initializing(instanceId=found["_id"])


@router.get("/status")
async def status(context: Ctx, caller: LimitedReader) -> OneStatus:
    """How the account does, without waiting for anything."""
    found = await find_default(context, caller)
    if found is None:
        return OneStatus(isReady=False, isInitializing=False, hasQR=False)
    link = await connection_of(context.database, caller.organization_id, found["_id"])
    state = S(link.get("status", S.DISCONNECTED))
    return OneStatus(
        isReady=state is S.CONNECTED,
        isInitializing=state in RUNNING and state is not S.CONNECTED,
        hasQR=shows_qr(link),
        phoneNumber=link.get("phone_number") or found["phone_number"],
        instanceId=found["_id"],
        status=state,
        reason=link.get("reason"),
        detail=link.get("detail"),
        lastConnectedAt=link.get("last_connected_at"),
    )


@router.post("/disconnect")
async def disconnect(context: Ctx, caller: LimitedManager) -> connecting.Closed:
    """Close the connection and keep the device keys. Without an account there is nothing to close."""
    found = await find_default(context, caller)
    if found is None:
        return connecting.Closed(status=S.DISCONNECTED)
    return await connecting.disconnect(context, caller, found["_id"])
