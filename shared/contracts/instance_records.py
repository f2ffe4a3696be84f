"""The records of instances that only MongoDB stores: their configuration and their connection. Unlike those of
`records.py` they are part of no event and no response."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.contracts.records import InstanceSettings, Record
from shared.contracts.statuses import ConnectionStatus, Network

LogoutMode = Literal["keep", "delete"]
"""Of a pending logout: keep the record, or delete the instance."""


class InstanceRecord(Record):
    """A document of `instances`, which the api writes.

    `phone_number`: as people configured it. `created_by`: the subject of the caller's token. `made_for`: why a dialect
    created it, unique in the organization. `removed`: deleted for good. `restored_by`: the command that undid the
    deletion.
    """

    id: str
    organization_id: str
    instance_name: str
    network: Network
    phone_number: str | None = None
    created_by: str | None = None
    made_for: str | None = None
    created_at: datetime
    deleted_at: datetime | None = None
    removed: bool = False
    restored_by: str | None = None
    settings: InstanceSettings = InstanceSettings()


class StoredQr(Record):
    """`qr`: raw text. `data_url`: PNG. `ascii`: for terminals."""

    qr: str | None = None
    data_url: str | None = None
    ascii: str | None = None
    attempt: int | None = None
    expires_at: datetime | None = None


class StoredPairingCode(Record):
    """`code`: as people type it on the phone `phone_number`."""

    code: str | None = None
    phone_number: str | None = None
    expires_at: datetime | None = None


class ConnectionRecord(Record):
    """A document of `connections`, which the session service writes: the connection of the instance with the same id.

    `should_run`: a person wants it online. `node` owns it under `epoch`, which grows with each new owner; a write with
    an older epoch changes nothing. `jid`, `phone_number` and `lid` are those of the linked phone; without `jid`, of the
    phone that was linked last. `until`: end of a restriction. `pending_logout`: a logout that is not finished.
    `asked_at`: time of the latest connect, disconnect or logout that was carried out.
    """

    id: str
    organization_id: str
    network: Network = Network.WHATSAPP
    should_run: bool = False
    node: str | None = None
    epoch: int = 0
    status: ConnectionStatus = ConnectionStatus.DISCONNECTED
    reason: str | None = None
    detail: str | None = None
    until: datetime | None = None
    last_connected_at: datetime | None = None
    jid: str | None = None
    phone_number: str | None = None
    lid: str | None = None
    previous_phone_number: str | None = None
    qr: StoredQr | None = None
    pairing_code: StoredPairingCode | None = None
    pending_logout: LogoutMode | None = Field(None, alias="ending")
    asked_at: datetime | None = None

    @property
    def is_linked(self) -> bool:
        """A phone is linked."""
        return bool(self.jid)
