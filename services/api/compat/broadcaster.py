"""The dialect of the broadcaster: accounts of a user, linked by QR code in one call. Numbers are shown with a plus."""

from datetime import datetime

from fastapi import APIRouter, Response
from pydantic import BaseModel

from services.api.compat.instance_selection import DialectBody, OnNetwork, own, own_instance
from services.api.compat.qr_linking import first_qr
from services.api.context import Context, Ctx, Manager, Reader, Sender
from services.api.request_fields import Id, Phone, Recipient, Text
from services.api.responses import Done, Secret
from services.api.routes import instance_connection, sends
from services.api.views.instance_status import connection_of
from shared.contracts.commands import SEND_EXPIRY
from shared.contracts.errors import Problem
from shared.contracts.principal import Principal
from shared.contracts.records import ConnectionStatus as S
from shared.platform.mongo import Document

router = APIRouter(prefix="/api/v1/whatsapp", tags=["accounts of a user"])

_MOST = 500
"""Accounts in one answer; this dialect has no pages."""


class StartSession(DialectBody):
    """`phoneNumber`: the account's own, with its country code."""

    phoneNumber: Phone


class StartedSession(Done):
    """`qrCode`: PNG data URL, valid until `expiresAt`; null when the account is linked and connected already."""

    accountId: str
    qrCode: Secret | None
    expiresAt: datetime | None = None
    status: S


class Account(BaseModel):
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


class SendFromAccount(DialectBody):
    """`phoneNumber`: the recipient's. `wait`: seconds to wait for WhatsApp's acknowledgement."""

    accountId: Id
    phoneNumber: Recipient
    message: Text
    wait: sends.Wait = 10.0
    expiresIn: sends.Expiry = SEND_EXPIRY.total_seconds()


def _account(document: Document, link: Document) -> Account:
    number = link.get("phone_number") or document["phone_number"]
    seen = link.get("last_connected_at")
    state = S(link.get("status", S.DISCONNECTED))
    return Account(
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


async def _own(context: Context, caller: Principal, account_id: str) -> Document:
    """Raises Problem 404 `account_not_found`, also for an account of somebody else in the organization."""
    found = await context.instances.oldest({**own(caller), "_id": account_id})
    if found is None:
        raise Problem(404, "account_not_found", "accountId: you have no such account; list yours at …/sessions")
    return found


@router.post("/start-session")
async def start_session(context: Ctx, caller: Manager, body: StartSession, network: OnNetwork = None) -> StartedSession:
    """Link the account of this number: waits for its first QR code, at most 30 s."""
    found = await own_instance(context, caller, body.phoneNumber, network or body.network)
    code = await first_qr(context, found)
    if code is None:
        return StartedSession(accountId=found["_id"], qrCode=None, status=S.CONNECTED)
    return StartedSession(accountId=found["_id"], qrCode=code.data_url, expiresAt=code.expires_at, status=S.QR_PENDING)


@router.get("/sessions")
async def list_sessions(context: Ctx, caller: Reader) -> list[Account]:
    """The caller's own accounts, newest first."""
    wanted = {**own(caller), "deleted_at": None}
    found = (
        await context.database.instances.find(wanted).sort([("created_at", -1), ("_id", -1)]).limit(_MOST).to_list(None)
    )
    ids = [document["_id"] for document in found]
    links = context.database.connections.find({"_id": {"$in": ids}, "organization_id": caller.organization_id})
    by_id = {link["_id"]: link for link in await links.to_list(_MOST)}
    return [_account(document, by_id.get(document["_id"], {})) for document in found]


@router.get("/sessions/{instance_id}")
async def read_session(context: Ctx, caller: Reader, instance_id: str) -> Account:
    """One of the caller's own accounts, and whether it is connected."""
    found = await _own(context, caller, instance_id)
    return _account(found, await connection_of(context.database, caller.organization_id, instance_id))


@router.delete("/sessions/{instance_id}")
async def end_session(context: Ctx, caller: Manager, instance_id: str) -> instance_connection.Closed:
    """Unlink the device at WhatsApp: the account stays, inactive, until it is linked by a new scan."""
    await _own(context, caller, instance_id)
    return await instance_connection.logout(context, caller, instance_id)


@router.post("/send-message", responses={202: {"model": sends.SendAnswer, "description": "Queued"}})
async def send_message(
    context: Ctx, caller: Sender, body: SendFromAccount, response: Response, key: sends.IdempotencyKey = None
) -> sends.SendAnswer:
    """Send a text from one of the caller's own accounts."""
    await _own(context, caller, body.accountId)
    to, text, wait = body.phoneNumber, body.message, body.wait
    try:
        outgoing = sends.Outgoing(caller, body.accountId, text, to=to, key=key, wait=wait, expires_in=body.expiresIn)
        return await sends.deliver(context, outgoing, response)
    except Problem as problem:
        if problem.code != "instance_not_connected":
            raise
        raise Problem(409, problem.code, f"Account not connected: {problem.detail}", **problem.extra) from problem
