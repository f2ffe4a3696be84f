"""Routes for the broadcaster: accounts belong to a user and are linked by QR code in one call. Numbers have a plus."""

from dataclasses import replace
from datetime import datetime

from fastapi import APIRouter, Response

from services.api.compat.camel_case import CamelCaseModel
from services.api.compat.instance_selection import DialectBody, NetworkParameter, created_by, get_or_create_by_number
from services.api.compat.qr_linking import first_qr
from services.api.context import ApiContext, Ctx, Manager, Reader, Sender
from services.api.request_fields import Id, Phone, Recipient, Text
from services.api.responses import Ok, Secret
from services.api.routes import instance_connection, sends
from services.api.views.instance_status import connection_of, connections_by_id
from shared.contracts.commands import SEND_EXPIRY
from shared.contracts.errors import Problem
from shared.contracts.instance_records import ConnectionRecord, InstanceRecord
from shared.contracts.principal import Principal
from shared.contracts.records import ConnectionStatus as S

router = APIRouter(prefix="/api/v1/whatsapp", tags=["accounts of a user"])

_MAX_ACCOUNTS = 500
"""In one response: these clients know no pages."""


class StartSessionBody(DialectBody):
    """`phoneNumber`: the account's own, with its country code."""

    phone_number: Phone


class StartSessionResult(Ok, CamelCaseModel):
    """`qrCode`: PNG data URL, valid until `expiresAt`; null when the account is linked and connected already."""

    account_id: str
    qr_code: Secret | None
    expires_at: datetime | None = None
    status: S


class BroadcasterAccount(CamelCaseModel):
    """`isActive`: connected, and able to send. `lastLogin`: when it was last connected."""

    id: str
    account_id: str
    user_id: str
    phone_number: str | None
    is_active: bool
    status: S
    reason: str | None = None
    detail: str | None = None
    last_login: datetime | None
    created_at: datetime
    updated_at: datetime


class BroadcasterSendBody(DialectBody):
    """`phoneNumber`: the recipient's. `wait`: seconds to wait for WhatsApp's acknowledgement."""

    account_id: Id
    phone_number: Recipient
    message: Text
    wait: sends.Wait = 10.0
    expires_in: sends.Expiry = SEND_EXPIRY.total_seconds()


def _broadcaster_account(
    caller: Principal, instance: InstanceRecord, connection: ConnectionRecord
) -> BroadcasterAccount:
    phone_number = connection.phone_number or instance.phone_number
    return BroadcasterAccount(
        id=instance.id,
        account_id=instance.id,
        user_id=caller.subject,
        phone_number=f"+{phone_number}" if phone_number else None,
        is_active=connection.status is S.CONNECTED,
        status=connection.status,
        reason=connection.reason,
        detail=connection.detail,
        last_login=connection.last_connected_at,
        created_at=instance.created_at,
        updated_at=connection.last_connected_at or instance.created_at,
    )


async def _require_own_account(context: ApiContext, caller: Principal, account_id: str) -> None:
    """Raises Problem 404 `account_not_found`, also for an account of another user of the organization."""
    if await context.instances.oldest_id(replace(created_by(caller), instance_id=account_id)) is None:
        raise _unknown_account()


def _unknown_account() -> Problem:
    return Problem(404, "account_not_found", "accountId: you have no such account; list yours at …/sessions")


@router.post("/start-session")
async def start_session(
    context: Ctx, caller: Manager, body: StartSessionBody, network: NetworkParameter = None
) -> StartSessionResult:
    """Link the account with this number: waits for its first QR code, at most 30 s."""
    instance = await get_or_create_by_number(context, caller, body.phone_number, network or body.network)
    code = await first_qr(context, instance)
    if code is None:
        return StartSessionResult(account_id=instance.id, qr_code=None, status=S.CONNECTED)
    return StartSessionResult(
        account_id=instance.id, qr_code=code.data_url, expires_at=code.expires_at, status=S.QR_PENDING
    )


@router.get("/sessions")
async def list_sessions(context: Ctx, caller: Reader) -> list[BroadcasterAccount]:
    """The caller's own accounts, newest first."""
    instances = await context.instances.newest(created_by(caller), _MAX_ACCOUNTS)
    ids = [instance.id for instance in instances]
    connections = await connections_by_id(context.database, caller.organization_id, ids)
    return [_broadcaster_account(caller, instance, connections[instance.id]) for instance in instances]


@router.get("/sessions/{instance_id}")
async def read_session(context: Ctx, caller: Reader, instance_id: str) -> BroadcasterAccount:
    """One of the caller's own accounts, and whether it is connected."""
    instance = await context.instances.oldest(replace(created_by(caller), instance_id=instance_id))
    if instance is None:
        raise _unknown_account()
    connection = await connection_of(context.database, caller.organization_id, instance_id)
    return _broadcaster_account(caller, instance, connection)


@router.delete("/sessions/{instance_id}")
async def end_session(context: Ctx, caller: Manager, instance_id: str) -> instance_connection.DisconnectResult:
    """Unlink the device at WhatsApp. The account stays, inactive, until it is linked again."""
    await _require_own_account(context, caller, instance_id)
    return await instance_connection.logout(context, caller, instance_id)


@router.post("/send-message", responses={202: {"model": sends.SendResponse, "description": "Queued"}})
async def send_message(
    context: Ctx, caller: Sender, body: BroadcasterSendBody, response: Response, key: sends.IdempotencyKey = None
) -> sends.SendResponse:
    """Send a text from one of the caller's own accounts."""
    await _require_own_account(context, caller, body.account_id)
    to, text, wait = body.phone_number, body.message, body.wait
    try:
        outgoing = sends.OutgoingText(
            caller, body.account_id, text, to=to, key=key, wait=wait, expires_in=body.expires_in
        )
        return await sends.deliver(context, outgoing, response)
    except Problem as problem:
        if problem.code != "instance_not_connected":
            raise
        raise Problem(409, problem.code, f"Account not connected: {problem.detail}", **problem.extra) from problem
