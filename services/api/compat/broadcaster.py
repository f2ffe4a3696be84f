"""The dialect of the broadcaster: accounts of a user, linked by QR code in one call. Numbers are shown with a plus."""

from datetime import datetime

from fastapi import APIRouter, Response
from pydantic import BaseModel

from services.api.compat.instance_selection import DialectBody, NetworkParameter, created_by, get_or_create_by_number
from services.api.compat.qr_linking import first_qr
from services.api.context import ApiContext, Ctx, Manager, Reader, Sender
from services.api.request_fields import Id, Phone, Recipient, Text
from services.api.responses import Ok, Secret
from services.api.routes import instance_connection, sends
from services.api.views.instance_status import connection_of
from shared.contracts.commands import SEND_EXPIRY
from shared.contracts.errors import Problem
from shared.contracts.principal import Principal
from shared.contracts.records import ConnectionStatus as S
from shared.platform.mongo import Document

router = APIRouter(prefix="/api/v1/whatsapp", tags=["accounts of a user"])

_MAX_ACCOUNTS = 500
"""Accounts in one answer; this dialect has no pages."""


class StartSessionBody(DialectBody):
    """`phoneNumber`: the account's own, with its country code."""

    phoneNumber: Phone


class StartSessionResult(Ok):
    """`qrCode`: PNG data URL, valid until `expiresAt`; null when the account is linked and connected already."""

    accountId: str
    qrCode: Secret | None
    expiresAt: datetime | None = None
    status: S


class BroadcasterAccount(BaseModel):
    """`isActive`: connected, so that it can send. `lastLogin`: when it was last connected."""

    id: str
    accountId: str
    userId: str
    phoneNumber: str | None
    isActive: bool
    status: S
    reason: str | None = None
    detail: str | None = None
    lastLogin: datetime | None
    createdAt: datetime
    updatedAt: datetime


class BroadcasterSendBody(DialectBody):
    """`phoneNumber`: the recipient's. `wait`: seconds to wait for WhatsApp's acknowledgement."""

    accountId: Id
    phoneNumber: Recipient
    message: Text
    wait: sends.Wait = 10.0
    expiresIn: sends.Expiry = SEND_EXPIRY.total_seconds()


def _broadcaster_account(document: Document, link: Document) -> BroadcasterAccount:
    number = link.get("phone_number") or document["phone_number"]
    seen = link.get("last_connected_at")
    state = S(link.get("status", S.DISCONNECTED))
    return BroadcasterAccount(
        id=document["_id"],
        accountId=document["_id"],
        userId=document["created_by"],
        phoneNumber=f"+{number}" if number else None,
        isActive=state is S.CONNECTED,
        status=state,
        reason=link.get("reason"),
        detail=link.get("detail"),
        lastLogin=seen,
        createdAt=document["created_at"],
        updatedAt=seen or document["created_at"],
    )


async def _get_own_account(context: ApiContext, caller: Principal, account_id: str) -> Document:
    """Raises Problem 404 `account_not_found`, also for an account of somebody else in the organization."""
    found = await context.instances.oldest({**created_by(caller), "_id": account_id})
    if found is None:
        raise Problem(404, "account_not_found", "accountId: you have no such account; list yours at …/sessions")
    return found


@router.post("/start-session")
async def start_session(
    context: Ctx, caller: Manager, body: StartSessionBody, network: NetworkParameter = None
) -> StartSessionResult:
    """Link the account of this number: waits for its first QR code, at most 30 s."""
    found = await get_or_create_by_number(context, caller, body.phoneNumber, network or body.network)
    code = await first_qr(context, found)
    if code is None:
        return StartSessionResult(accountId=found["_id"], qrCode=None, status=S.CONNECTED)
    return StartSessionResult(
        accountId=found["_id"], qrCode=code.data_url, expiresAt=code.expires_at, status=S.QR_PENDING
    )


@router.get("/sessions")
async def list_sessions(context: Ctx, caller: Reader) -> list[BroadcasterAccount]:
    """The caller's own accounts, newest first."""
    wanted = {**created_by(caller), "deleted_at": None}
    found = (
        await context.database.instances.find(wanted)
        .sort([("created_at", -1), ("_id", -1)])
        .limit(_MAX_ACCOUNTS)
        .to_list(None)
    )
    ids = [document["_id"] for document in found]
    links = context.database.connections.find({"_id": {"$in": ids}, "organization_id": caller.organization_id})
    by_id = {link["_id"]: link for link in await links.to_list(_MAX_ACCOUNTS)}
    return [_broadcaster_account(document, by_id.get(document["_id"], {})) for document in found]


@router.get("/sessions/{instance_id}")
async def read_session(context: Ctx, caller: Reader, instance_id: str) -> BroadcasterAccount:
    """One of the caller's own accounts, and whether it is connected."""
    found = await _get_own_account(context, caller, instance_id)
    return _broadcaster_account(found, await connection_of(context.database, caller.organization_id, instance_id))


@router.delete("/sessions/{instance_id}")
async def end_session(context: Ctx, caller: Manager, instance_id: str) -> instance_connection.DisconnectResult:
    """Unlink the device at WhatsApp: the account stays, inactive, until it is linked by a new scan."""
    await _get_own_account(context, caller, instance_id)
    return await instance_connection.logout(context, caller, instance_id)


@router.post("/send-message", responses={202: {"model": sends.SendResult, "description": "Queued"}})
async def send_message(
    context: Ctx, caller: Sender, body: BroadcasterSendBody, response: Response, key: sends.IdempotencyKey = None
) -> sends.SendResult:
    """Send a text from one of the caller's own accounts."""
    await _get_own_account(context, caller, body.accountId)
    to, text, wait = body.phoneNumber, body.message, body.wait
    try:
        outgoing = sends.OutgoingText(
            caller, body.accountId, text, to=to, key=key, wait=wait, expires_in=body.expiresIn
        )
        return await sends.deliver(context, outgoing, response)
    except Problem as problem:
        if problem.code != "instance_not_connected":
            raise
        raise Problem(409, problem.code, f"Account not connected: {problem.detail}", **problem.extra) from problem
