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


class CurrentPairingCode(BaseModel):
    """`code`: 8 characters to type on the phone `phone_number`, valid until `expires_at`."""

    code: Secret
    phone_number: str
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


async def read_current_qr(database: Database, organization_id: str, instance_id: str) -> CurrentQr:
    """Raises Problem 404 `qr_not_available` when there is no valid code."""
    qr = current_qr(await connection_of(database, organization_id, instance_id))
    if qr is None:
        raise Problem(404, "qr_not_available", "there is no QR code now; connect with method qr and wait for it")
    return qr


async def read_current_pairing_code(database: Database, organization_id: str, instance_id: str) -> CurrentPairingCode:
    """Raises Problem 404 `pairing_code_not_available` when there is no valid code."""
    code = current_pairing_code(await connection_of(database, organization_id, instance_id))
    if code is None:
        detail = "there is no pairing code now; connect with method code for a new one"
        raise Problem(404, "pairing_code_not_available", detail)
    return code


async def read_linking_codes(
    database: Database, organization_id: str
) -> tuple[dict[str, CurrentQr], dict[str, CurrentPairingCode]]:
    """Valid QR codes and pairing codes by instance id, of at most MAX_LINKING_CODES instances."""
    statuses = [ConnectionStatus.QR_PENDING, ConnectionStatus.PAIRING]
    query = {"organization_id": organization_id, "status": {"$in": statuses}}
    connections = await database.connections.find(query).limit(MAX_LINKING_CODES).to_list(MAX_LINKING_CODES)
    qrs = {each["_id"]: qr for each in connections if (qr := current_qr(each))}
    codes = {each["_id"]: code for each in connections if (code := current_pairing_code(each))}
    return qrs, codes


def current_qr(connection: Document) -> CurrentQr | None:
    """The QR code that can be scanned now."""
    qr = _valid_code(connection, ConnectionStatus.QR_PENDING, "qr", "qr")
    return CurrentQr.model_validate(qr) if qr else None


def current_pairing_code(connection: Document) -> CurrentPairingCode | None:
    """The pairing code that can be typed now."""
    code = _valid_code(connection, ConnectionStatus.PAIRING, "pairing_code", "code")
    return CurrentPairingCode.model_validate({**code, "code": code["code"].replace("-", "")}) if code else None


def _valid_code(connection: Document, status: ConnectionStatus, field: str, key: str) -> Document | None:
    """The connection's `field`, if it has a code under `key` that has not expired and the connection waits for it."""
    stored = connection.get(field) or {}
    is_valid = connection.get("status") == status and key in stored and stored["expires_at"] > utc_now()
    return stored if is_valid else None
