"""The events that say what became of an account."""

from services.session.ipc.messages import LinkingCode
from services.session.supervisor.status_reasons import detail_of
from services.session.supervisor.supervised_instance import Account
from shared.contracts.events import ConnectionChanged, PairingCodeIssued, QrIssued
from shared.contracts.records import ConnectionStatus as S


def connection_changed(account: Account, previous: S) -> ConnectionChanged:
    held = account.held
    will_retry = held.status is S.RECONNECTING or (held.status is S.RESTRICTED and held.until is not None)
    return ConnectionChanged(
        organization_id=held.organization_id,
        instance_id=held.instance_id,
        cause=account.cause,
        status=held.status,
        previous=previous,
        reason=held.reason,
        detail=detail_of(held.reason),
        will_retry=will_retry,
        phone_number=held.phone_number,
        network=held.network,
        until=held.until,
        previous_phone_number=held.previous_phone_number,
    )


def code_announced(account: Account, frame: LinkingCode) -> QrIssued | PairingCodeIssued:
    """The event for a code of either kind."""
    return _qr_issued(account, frame) if frame.kind == "qr" else _code_issued(account, frame)


def _qr_issued(account: Account, frame: LinkingCode) -> QrIssued:
    return QrIssued(
        organization_id=account.held.organization_id,
        instance_id=account.instance_id,
        cause=account.cause,
        qr=frame.code,
        data_url=frame.data_url,
        ascii=frame.ascii_art,
        attempt=frame.attempt,
        expires_at=frame.expires_at,
    )


def _code_issued(account: Account, frame: LinkingCode) -> PairingCodeIssued:
    return PairingCodeIssued(
        organization_id=account.held.organization_id,
        instance_id=account.instance_id,
        cause=account.cause,
        code=frame.code,
        phone_number=account.pair_number or "",
        expires_at=frame.expires_at,
    )
