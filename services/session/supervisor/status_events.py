"""The events about the connection of an instance."""

from services.session.ipc.messages import LinkingCode
from services.session.supervisor.status_reasons import detail_of
from services.session.supervisor.supervised_instance import SupervisedInstance
from shared.contracts.events import ConnectionChanged, PairingCodeIssued, QrIssued
from shared.contracts.records import ConnectionStatus as S


def connection_changed_event(instance: SupervisedInstance, previous: S) -> ConnectionChanged:
    connection = instance.connection
    waits_for_restriction = connection.status is S.RESTRICTED and connection.until is not None
    return ConnectionChanged(
        organization_id=connection.organization_id,
        instance_id=connection.id,
        cause=instance.cause,
        status=connection.status,
        previous=previous,
        reason=connection.reason,
        detail=detail_of(connection.reason),
        will_retry=connection.status is S.RECONNECTING or waits_for_restriction,
        phone_number=connection.phone_number,
        network=connection.network,
        until=connection.until,
        previous_phone_number=connection.previous_phone_number,
    )


def linking_code_event(instance: SupervisedInstance, code: LinkingCode) -> QrIssued | PairingCodeIssued:
    return _qr_issued(instance, code) if code.kind == "qr" else _pairing_code_issued(instance, code)


def _qr_issued(instance: SupervisedInstance, code: LinkingCode) -> QrIssued:
    return QrIssued(
        organization_id=instance.connection.organization_id,
        instance_id=instance.instance_id,
        cause=instance.cause,
        qr=code.code,
        data_url=code.data_url,
        ascii=code.ascii_art,
        attempt=code.attempt,
        expires_at=code.expires_at,
    )


def _pairing_code_issued(instance: SupervisedInstance, code: LinkingCode) -> PairingCodeIssued:
    return PairingCodeIssued(
        organization_id=instance.connection.organization_id,
        instance_id=instance.instance_id,
        cause=instance.cause,
        code=code.code,
        phone_number=instance.pairing_phone_number or "",
        expires_at=code.expires_at,
    )
