"""Reads instances: their configuration, which the api writes, with their connection, which the session service
writes."""

from datetime import datetime
from functools import partial
from typing import Literal

from pydantic import BaseModel

from services.api.responses import Secret
from services.api.views.pagination import PageRequest, SortedCollection, organization_query, read_page
from shared.contracts.errors import Problem
from shared.contracts.instance_records import ConnectionRecord, InstanceRecord
from shared.contracts.message import utc_now
from shared.contracts.records import ConnectionStatus, InstanceSettings, Network
from shared.platform.documents import from_document
from shared.platform.mongo import Database

MAX_LINKING_CODES = 50


class Instance(BaseModel):
    """`phone_number`: digits without plus. `previous_phone_number`: before another phone was linked. `settings`: what
    this instance does otherwise than the organization; null: the same.

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
    settings: InstanceSettings
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


def phone_number_of(instance: InstanceRecord, connection: ConnectionRecord) -> str | None:
    """Of the linked phone, else as configured, else of the phone that was linked last."""
    linked = connection.phone_number
    return linked if linked and connection.is_linked else instance.phone_number or linked


def instance_of(instance: InstanceRecord, connection: ConnectionRecord) -> Instance:
    return Instance(
        id=instance.id,
        organization_id=instance.organization_id,
        instance_name=instance.instance_name,
        phone_number=phone_number_of(instance, connection),
        network=instance.network,
        status=connection.status,
        reason=connection.reason,
        detail=connection.detail,
        previous_phone_number=connection.previous_phone_number,
        last_connected_at=connection.last_connected_at,
        until=connection.until,
        settings=instance.settings,
        created_at=instance.created_at,
    )


def never_connected(organization_id: str, instance_id: str) -> ConnectionRecord:
    """The connection before the first connect, when none is stored."""
    return ConnectionRecord(id=instance_id, organization_id=organization_id)


async def connection_of(database: Database, organization_id: str, instance_id: str) -> ConnectionRecord:
    document = await database.connections.find_one({"_id": instance_id, "organization_id": organization_id})
    return from_document(ConnectionRecord, document) if document else never_connected(organization_id, instance_id)


async def read_connection_status(database: Database, organization_id: str, instance_id: str) -> str:
    """As it is stored, without reading anything else of the connection: this is on the way of every send."""
    query = {"_id": instance_id, "organization_id": organization_id}
    connection = await database.connections.find_one(query, {"status": 1}) or {}
    return str(connection.get("status", ConnectionStatus.DISCONNECTED.value))


async def connections_by_id(database: Database, organization_id: str, ids: list[str]) -> dict[str, ConnectionRecord]:
    """Of each of these instances."""
    stored = database.connections.find({"_id": {"$in": ids}, "organization_id": organization_id})
    records = {document["_id"]: from_document(ConnectionRecord, document) async for document in stored}
    return {id_: records.get(id_) or never_connected(organization_id, id_) for id_ in ids}


async def find_instances(
    database: Database, organization_id: str, page: PageRequest, instance_ids: frozenset[str] | None = None
) -> tuple[list[Instance], str | None]:
    """Newest first. `instance_ids`: only these."""
    query = {**organization_query(organization_id, instance_ids, id_field="_id"), "deleted_at": None}
    newest_first = SortedCollection(database.instances, "created_at", partial(from_document, InstanceRecord))
    result = await read_page(newest_first, query, page)
    connections = await connections_by_id(database, organization_id, [instance.id for instance in result.records])
    return [instance_of(instance, connections[instance.id]) for instance in result.records], result.next_cursor


async def read_instance_status(database: Database, instance: InstanceRecord) -> InstanceStatus:
    """Status and message counts of one instance."""
    connection = await connection_of(database, instance.organization_id, instance.id)
    query = {"instance_id": instance.id, "kind": "message"}  # the fields of an index
    sent = await database.messages.count_documents({**query, "direction": "outbound"})
    received = await database.messages.count_documents({**query, "direction": "inbound"})
    return InstanceStatus(
        id=instance.id,
        status=connection.status,
        phone_number=phone_number_of(instance, connection),
        previous_phone_number=connection.previous_phone_number,
        last_connected_at=connection.last_connected_at,
        messages_sent_count=sent,
        messages_received_count=received,
        reason=connection.reason,
        detail=connection.detail,
        until=connection.until,
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
    documents = await database.connections.find(query).limit(MAX_LINKING_CODES).to_list(MAX_LINKING_CODES)
    connections = [from_document(ConnectionRecord, document) for document in documents]
    qrs = {each.id: qr for each in connections if (qr := current_qr(each))}
    codes = {each.id: code for each in connections if (code := current_pairing_code(each))}
    return qrs, codes


def current_qr(connection: ConnectionRecord) -> CurrentQr | None:
    """The QR code that can be scanned now."""
    stored = connection.qr
    if connection.status is not ConnectionStatus.QR_PENDING or stored is None or stored.qr is None:
        return None
    is_valid = stored.expires_at is not None and stored.expires_at > utc_now()
    return CurrentQr.model_validate(stored, from_attributes=True) if is_valid else None


def current_pairing_code(connection: ConnectionRecord) -> CurrentPairingCode | None:
    """The pairing code that can be typed now."""
    stored = connection.pairing_code
    if connection.status is not ConnectionStatus.PAIRING or stored is None or stored.code is None:
        return None
    is_valid = stored.expires_at is not None and stored.expires_at > utc_now()
    code = stored.model_copy(update={"code": stored.code.replace("-", "")})
    return CurrentPairingCode.model_validate(code, from_attributes=True) if is_valid else None
