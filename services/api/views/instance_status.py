"""Reads of instances: the configuration (ours) together with the connection (the session service's)."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel

from services.api.responses import Secret
from services.api.views.pagination import PageRequest, organization_query, read_page
from shared.contracts.errors import Problem
from shared.contracts.message import utc_now
from shared.contracts.records import ConnectionStatus, Network
from shared.platform.mongo import Database, Document

MAX_LINKING_CODES = 50
RUNNING_STATUSES = frozenset(ConnectionStatus) - {
    ConnectionStatus.DISCONNECTED,
    ConnectionStatus.LOGGED_OUT,
    ConnectionStatus.FAILED,
    ConnectionStatus.RESTRICTED,
}
"""A worker holds the connection, or tries to."""


class Instance(BaseModel):
    """`phone_number`: digits without plus; `previous_phone_number`: until another phone linked it.

    `reason` and `detail` say why the status is what it is."""

    id: str
    organization_id: str
    instance_name: str
    phone_number: str | None
    previous_phone_number: str | None = None
    network: Network
    status: ConnectionStatus
    reason: str | None = None
    detail: str | None = None
    pairing_method: Literal["code", "qr"] = "code"
    last_connected_at: datetime | None = None
    until: datetime | None = None
    """End of a restriction."""
    created_at: datetime


class InstanceStatus(BaseModel):
    """Counts are of messages, without notes."""

    id: str
    status: ConnectionStatus
    phone_number: str | None
    previous_phone_number: str | None = None
    last_connected_at: datetime | None
    messages_sent_count: int
    messages_received_count: int
    reason: str | None = None
    detail: str | None = None
    until: datetime | None = None


class CurrentQr(BaseModel):
    """`qr`: raw text; `data_url`: PNG; valid until `expires_at`."""

    qr: Secret
    data_url: Secret
    ascii: Secret
    attempt: int
    expires_at: datetime


def phone_number_of(document: Document, connection: Document) -> str | None:
    """Of the phone that is linked, else as configured, else of the one that was linked last."""
    linked = connection.get("phone_number")
    return linked if linked and connection.get("jid") else document["phone_number"] or linked


def instance_of(document: Document, connection: Document | None) -> Instance:
    link = connection or {}
    return Instance(
        id=document["_id"],
        organization_id=document["organization_id"],
        instance_name=document["instance_name"],
        phone_number=phone_number_of(document, link),
        network=document["network"],
        status=link.get("status", ConnectionStatus.DISCONNECTED),
        reason=link.get("reason"),
        detail=link.get("detail"),
        previous_phone_number=link.get("previous_phone_number"),
        last_connected_at=link.get("last_connected_at"),
        until=link.get("until"),
        created_at=document["created_at"],
    )


async def connection_of(database: Database, organization_id: str, instance_id: str) -> Document:
    """The connection's document, empty before the first connect."""
    found = await database.connections.find_one({"_id": instance_id, "organization_id": organization_id})
    return found or {}


async def find_instances(
    database: Database, organization_id: str, page: PageRequest, instance_ids: frozenset[str] | None = None
) -> tuple[list[Instance], str | None]:
    """Newest first; `instance_ids`: only of these."""
    wanted = {**organization_query(organization_id, instance_ids, by="_id"), "deleted_at": None}
    found = await read_page(database.instances, wanted, "created_at", page)
    ids = [document["_id"] for document in found.documents]
    links = await database.connections.find({"_id": {"$in": ids}, "organization_id": organization_id}).to_list(len(ids))
    by_id = {link["_id"]: link for link in links}
    return [instance_of(document, by_id.get(document["_id"])) for document in found.documents], found.next_cursor


async def read_instance_status(database: Database, document: Document) -> InstanceStatus:
    """State and counts of one instance."""
    organization_id, instance_id = document["organization_id"], document["_id"]
    link = await connection_of(database, organization_id, instance_id)
    wanted = {"instance_id": instance_id, "kind": "message"}  # exactly the fields of an index
    sent = await database.messages.count_documents({**wanted, "direction": "outbound"})
    received = await database.messages.count_documents({**wanted, "direction": "inbound"})
    return InstanceStatus(
        id=instance_id,
        status=link.get("status", ConnectionStatus.DISCONNECTED),
        phone_number=phone_number_of(document, link),
        previous_phone_number=link.get("previous_phone_number"),
        last_connected_at=link.get("last_connected_at"),
        messages_sent_count=sent,
        messages_received_count=received,
        reason=link.get("reason"),
        detail=link.get("detail"),
        until=link.get("until"),
    )


class CurrentPairingCode(BaseModel):
    """`code`: 8 characters to type on the phone `phone_number`, valid until `expires_at`."""

    code: Secret
    phone_number: str
    expires_at: datetime


def has_current_qr(connection: Document) -> bool:
    """There is a QR code to scan right now."""
    qr = connection.get("qr") or {}
    pending = connection.get("status") == ConnectionStatus.QR_PENDING
    return pending and "qr" in qr and bool(qr["expires_at"] > utc_now())


async def read_current_qr(database: Database, organization_id: str, instance_id: str) -> CurrentQr:
    """Raises Problem 404 `qr_not_available` when none is shown right now."""
    link = await connection_of(database, organization_id, instance_id)
    if not has_current_qr(link):
        raise Problem(404, "qr_not_available", "there is no QR code now; connect with method qr and wait for it")
    return CurrentQr.model_validate(link["qr"])


async def read_linking_codes(
    database: Database, organization_id: str
) -> tuple[dict[str, CurrentQr], dict[str, CurrentPairingCode]]:
    """By instance, of at most MAX_SHOWN_CODES."""
    statuses = [ConnectionStatus.QR_PENDING, ConnectionStatus.PAIRING]
    wanted = {"organization_id": organization_id, "status": {"$in": statuses}}
    links = await database.connections.find(wanted).limit(MAX_LINKING_CODES).to_list(MAX_LINKING_CODES)
    return (
        {link["_id"]: CurrentQr.model_validate(link["qr"]) for link in links if has_current_qr(link)},
        {link["_id"]: _pairing_code_of(link) for link in links if has_current_pairing_code(link)},
    )


def has_current_pairing_code(connection: Document) -> bool:
    """There is a code to type right now."""
    code = connection.get("pairing_code") or {}
    pending = connection.get("status") == ConnectionStatus.PAIRING
    return pending and "code" in code and bool(code["expires_at"] > utc_now())


async def read_current_pairing_code(database: Database, organization_id: str, instance_id: str) -> CurrentPairingCode:
    """Raises Problem 404 `pairing_code_not_available` when none is shown right now."""
    link = await connection_of(database, organization_id, instance_id)
    if not has_current_pairing_code(link):
        detail = "there is no pairing code now; connect with method code for a new one"
        raise Problem(404, "pairing_code_not_available", detail)
    return _pairing_code_of(link)


def _pairing_code_of(link: Document) -> CurrentPairingCode:
    shown = link["pairing_code"]
    return CurrentPairingCode.model_validate({**shown, "code": shown["code"].replace("-", "")})
