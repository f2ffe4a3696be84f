"""Maps the library's events about its connection to ConnectionUpdate frames. Pure."""

from datetime import datetime, timedelta
from typing import get_args

from services.session.ipc.messages import ConnectionEvent, ConnectionUpdate
from services.session.worker.library.stanzas import LoginFailure
from services.session.worker.mapping.protobufs import EventProtobuf

TEMPORARY_BAN = 402
MAX_BAN_S = 10 * 365 * 86_400
_BAN_REASONS = {
    101: "send_to_too_many_people",
    102: "blocked_by_users",
    103: "created_too_many_groups",
    104: "sent_too_many_same_message",
    106: "broadcast_list",
}
_LOGIN_FAILURE_NAMES = {
    400: "generic",
    404: "not_found",
    409: "bad_user_agent",
    411: "multi_device_mismatch",
    413: "token_expired",
    414: "token_invalid",
    415: "not_found",
    418: "client_unknown",
    463: "restricted",
    501: "experimental",
}

FINAL_EVENTS = frozenset(get_args(ConnectionEvent)) - {"paired", "connected", "disconnected"}
"""After these the library does nothing more by itself, and the client must be closed."""


def update_from_event(instance_id: str, name: str, event: EventProtobuf) -> ConnectionUpdate | None:
    """None: the event is not about the connection."""
    match name:
        case "Connected":
            return ConnectionUpdate(instance_id=instance_id, event="connected")
        case "Disconnected":
            return ConnectionUpdate(instance_id=instance_id, event="disconnected")
        case "StreamReplaced":
            return ConnectionUpdate(instance_id=instance_id, event="replaced")
        case "ClientOutdated":
            return ConnectionUpdate(instance_id=instance_id, event="outdated")
        case "LoggedOut":
            return ConnectionUpdate(instance_id=instance_id, event="logged_out", reason=_enum_label(event, "Reason"))
        case "PairStatus":
            return _update_from_pair_status(instance_id, event)
    return None


def update_from_login_failure(instance_id: str, failure: LoginFailure, now: datetime) -> ConnectionUpdate:
    """Every number except that of a temporary ban is a refused login, also an unknown one."""
    if failure.number == TEMPORARY_BAN:
        until = now + timedelta(seconds=min(failure.expires_in_s, MAX_BAN_S)) if failure.expires_in_s else None
        reason = _BAN_REASONS.get(failure.code or 0, f"code {failure.code}")
        return ConnectionUpdate(instance_id=instance_id, event="restricted", reason=reason, until=until)
    name = _LOGIN_FAILURE_NAMES.get(failure.number)
    label = f"{failure.number} {name}" if name else str(failure.number)
    reason = f"{label}: {failure.message}".removesuffix(": ")
    return ConnectionUpdate(instance_id=instance_id, event="refused", reason=reason)


def update_from_pairing_status(instance_id: str, status: str) -> ConnectionUpdate | None:
    """The end of a pairing. None for success: the PairStatus event reports it, with the addresses."""
    if status == "success":
        return None
    if status == "timeout":
        return ConnectionUpdate(instance_id=instance_id, event="pairing_timeout")
    return ConnectionUpdate(instance_id=instance_id, event="pairing_failed", reason=status)


def _update_from_pair_status(instance_id: str, event: EventProtobuf) -> ConnectionUpdate:
    if event.Error:
        return ConnectionUpdate(instance_id=instance_id, event="pairing_failed", reason=event.Error)
    device = f":{event.ID.Device}" if event.ID.Device else ""
    jid = f"{event.ID.User}{device}@{event.ID.Server}"
    return ConnectionUpdate(instance_id=instance_id, event="paired", jid=jid, phone_number=event.ID.User)


def _enum_label(event: EventProtobuf, field: str) -> str:
    """The value's name in lower case; a number that has no name stays a number."""
    number = getattr(event, field)
    value = event.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number.get(number)
    return value.name.lower() if value else str(number)
