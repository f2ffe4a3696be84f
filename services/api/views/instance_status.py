"""Reads instances: their configuration, which the api writes, with their connection, which the session service
writes."""

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
    """`phone_number`: digits without plus. `previous_phone_number`: before another phone was linked.

    `reason` (a code) and `detail` (a sentence) explain the status."""

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
    """Counts do not include notes."""

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
    """Of the linked phone, else as configured, else of the phone that was linked last."""
    linked = connection.get("phone_number")
    return linked if linked and connection.get("jid") else document["phone_number"] or linked


def instance_of(document: Document, connection: Document | None) -> Instance:
    connection = connection or {}
    return Instance(
        id=document["_id"],
        organization_id=document["organization_id"],
        instance_name=document["instance_name"],
        phone_number=phone_number_of(document, connection),
        network=document["network"],
        status=connection.get("status", ConnectionStatus.DISCONNECTED),
        reason=connection.get("reason"),
        detail=connection.get("detail"),
        previous_phone_number=connection.get("previous_phone_number"),
        last_connected_at=connection.get("last_connected_at"),
        until=connection.get("until"),
        created_at=document["created_at"],
    )


async def connection_of(database: Database, organization_id: str, instance_id: str) -> Document:
    """The document of the connection; empty before the first connect."""
    return await database.connections.find_one({"_id": instance_id, "organization_id": organization_id}) or {}


async def connections_by_id(database: Database, organization_id: str, ids: list[str]) -> dict[str, Document]:
    """The documents of those instances that were connected at least once."""
    query = {"_id": {"$in": ids}, "organization_id": organization_id}
    return {connection["_id"]: connection async for connection in database.connections.find(query)}


async def find_instances(
    database: Database, organization_id: str, page: PageRequest, instance_ids: frozenset[str] | None = None
) -> tuple[list[Instance], str | None]:
    """Newest first. `instance_ids`: only these."""
    query = {**organization_query(organization_id, instance_ids, id_field="_id"), "deleted_at": None}
    result = await read_page(database.instances, query, "created_at", page)
    connections = await connections_by_id(database, organization_id, [each["_id"] for each in result.documents])
    return [instance_of(each, connections.get(each["_id"])) for each in result.documents], result.next_cursor


async def read_instance_status(database: Database, document: Document) -> InstanceStatus:
    """Status and message counts of one instance."""
    organization_id, instance_id = document["organization_id"], document["_id"]
    connection = await connection_of(database, organization_id, instance_id)
    query = {"instance_id": instance_id, "kind": "message"}  # the fields of an index
    sent = await database.messages.count_documents({**query, "direction": "outbound"})
    received = await database.messages.count_documents({**query, "direction": "inbound"})
    return InstanceStatus(
        id=instance_id,
        status=connection.get("status", ConnectionStatus.DISCONNECTED),
        phone_number=phone_number_of(document, connection),
        previous_phone_number=connection.get("previous_phone_number"),
        last_connected_at=connection.get("last_connected_at"),
        messages_sent_count=sent,
        messages_received_count=received,
        reason=connection.get("reason"),
        detail=connection.get("detail"),
        until=connection.get("until"),
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
