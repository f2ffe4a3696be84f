"""What the library says about its connection → the states of protocol.Changed. Pure."""

from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from services.session.ipc.messages import Changed
from services.session.worker.stanzas import LoginFailure

State = Literal[
    "paired",
    "connected",
    "disconnected",
    "unreachable",
    "logged_out",
    "restricted",
    "outdated",
    "replaced",
    "refused",
    "pairing_timeout",
    "pairing_failed",
    "stopped",
    "crashed",
    "keys_missing",
    "interrupted",
]

TEMPORARY_BAN = 402
MAX_BAN_S = 10 * 365 * 86_400
_BANS = {
    101: "send_to_too_many_people",
    102: "blocked_by_users",
    103: "created_too_many_groups",
    104: "sent_too_many_same_message",
    106: "broadcast_list",
}
_FAILURES = {
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

ENDS = frozenset(get_args(State)) - {"paired", "connected", "disconnected"}
"""After these the library does nothing more by itself; the client has to be closed."""


def change_of_event(instance_id: str, name: str, event: Any, now: datetime) -> Changed | None:
    """None: an event that says nothing about the connection."""
    match name:
        case "Connected":
            return Changed(instance_id=instance_id, state="connected")
        case "Disconnected":
            return Changed(instance_id=instance_id, state="disconnected")
        case "StreamReplaced":
            return Changed(instance_id=instance_id, state="replaced")
        case "ClientOutdated":
            return Changed(instance_id=instance_id, state="outdated")
        case "LoggedOut":
            return Changed(instance_id=instance_id, state="logged_out", reason=_label(event, "Reason"))
        case "PairStatus":
            return _pair_status(instance_id, event)
    return None


def change_of_failure(instance_id: str, failure: LoginFailure, now: datetime) -> Changed:
    """A refused login: every number that is not a temporary ban is a refusal, also one nobody knows yet."""
    if failure.number == TEMPORARY_BAN:
        until = now + timedelta(seconds=min(failure.expire, MAX_BAN_S)) if failure.expire else None
        reason = _BANS.get(failure.code or 0, f"code {failure.code}")
        return Changed(instance_id=instance_id, state="restricted", reason=reason, until=until)
    known = _FAILURES.get(failure.number)
    said = f"{failure.number} {known}" if known else str(failure.number)
    reason = f"{said}: {failure.message}".removesuffix(": ")
    return Changed(instance_id=instance_id, state="refused", reason=reason)


def change_of_login(instance_id: str, status: str) -> Changed | None:
    """The private word on the end of a pairing; success is told by PairStatus, with more."""
    if status == "success":
        return None
    if status == "timeout":
        return Changed(instance_id=instance_id, state="pairing_timeout")
    return Changed(instance_id=instance_id, state="pairing_failed", reason=status)


def _pair_status(instance_id: str, event: Any) -> Changed:
    if event.Error:
        return Changed(instance_id=instance_id, state="pairing_failed", reason=event.Error)
    device = f":{event.ID.Device}" if event.ID.Device else ""
    jid = f"{event.ID.User}{device}@{event.ID.Server}"
    return Changed(instance_id=instance_id, state="paired", jid=jid, phone_number=event.ID.User)


def _label(event: Any, field: str) -> str:
    """`BLOCKED_BY_USERS` → `blocked_by_users`; a number without a name stays a number."""
    number = getattr(event, field)
    value = event.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number.get(number)
    return value.name.lower() if value else str(number)
