"""Saves the status of a connection in MongoDB, then publishes ConnectionChanged."""

from functools import partial
from typing import Unpack

from services.session.ipc.messages import LinkingCode
from services.session.store.connections import ConnectionCollection, ConnectionFields, with_fields
from services.session.supervisor.event_publisher import OrderedEventPublisher
from services.session.supervisor.status_events import connection_changed_event, linking_code_event
from services.session.supervisor.status_reasons import detail_of
from services.session.supervisor.supervised_instance import SupervisedInstance
from shared.contracts.instance_records import StoredPairingCode, StoredQr
from shared.contracts.records import ConnectionStatus as S
from shared.platform.retries import retry_during_outage


class OwnershipLost(Exception):
    """Another node owns the instance now; this node must stop using it."""


class ConnectionStatusStore:
    """Every write carries the fencing epoch of the connection and raises OwnershipLost when it is outdated."""

    def __init__(self, connections: ConnectionCollection, events: OrderedEventPublisher) -> None:
        self._connections = connections
        self._events = events

    async def set(
        self, instance: SupervisedInstance, status: S, reason: str | None, more: ConnectionFields | None = None
    ) -> None:
        """Save the new status, and `more` fields of the document, and publish it."""
        previous = instance.connection.status
        fields: ConnectionFields = {
            "status": status.value,
            "reason": reason,
            "detail": detail_of(reason),
            "until": None,
            **(more or {}),
        }
        if status is not S.QR_PENDING:
            fields["qr"] = None
        if status is not S.PAIRING:
            fields["pairing_code"] = None
        if status not in (S.QR_PENDING, S.PAIRING):
            instance.linking_code = None
        await self.save(instance, **fields)
        self._events.enqueue(instance.instance_id, connection_changed_event(instance, previous))

    async def publish_code(self, instance: SupervisedInstance, code: LinkingCode) -> None:
        """Save and publish a code to link the account with."""
        instance.linking_code = code
        if code.kind == "code":
            phone_number = instance.pairing_phone_number or ""
            pairing_code = StoredPairingCode(code=code.code, phone_number=phone_number, expires_at=code.expires_at)
            await self.set(instance, S.PAIRING, None, {"pairing_code": pairing_code})
        else:
            await self._save_qr(instance, code)
        self._events.enqueue(instance.instance_id, linking_code_event(instance, code))

    async def _save_qr(self, instance: SupervisedInstance, code: LinkingCode) -> None:
        qr = StoredQr(
            qr=code.code,
            data_url=code.data_url,
            ascii=code.ascii_art,
            attempt=code.attempt,
            expires_at=code.expires_at,
        )
        if instance.connection.status is S.QR_PENDING:
            await self.save(instance, qr=qr)
        else:
            await self.set(instance, S.QR_PENDING, None, {"qr": qr})

    def publish_current(self, instance: SupervisedInstance) -> None:
        """Publish the status, or the code that is shown, once more: for the command that asks."""
        code = instance.linking_code
        event = linking_code_event(instance, code) if code else None
        self._events.enqueue(
            instance.instance_id, event or connection_changed_event(instance, instance.connection.status)
        )

    async def save(self, instance: SupervisedInstance, **fields: Unpack[ConnectionFields]) -> None:
        """Write fields of the document; retried until MongoDB is reachable."""
        write = partial(self._connections.write, instance.connection, fields)
        if not await retry_during_outage(f"status of {instance.instance_id}", write):
            raise OwnershipLost(instance.instance_id)
        instance.connection = with_fields(instance.connection, fields)

    async def delete(self, instance: SupervisedInstance) -> None:
        await self._connections.delete(instance.connection)
