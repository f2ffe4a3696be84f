"""Events of the room of a named session. Pure; names and fields are the contract with such front ends."""

from services.realtime.api_replies import QrCode
from services.realtime.payloads import Payload, SocketEvents
from shared.contracts.events import ConnectionChanged, QrIssued
from shared.contracts.records import ConnectionStatus as S

SESSION_COMPLETE = "session-complete"
_PAIRING_REASONS = frozenset({"pairing_timeout", "pairing_failed"})
_LINKED = (
    ("authenticated", "The account is linked."),
    ("ready", "The session is ready."),
    ("inChat", "Messages can be sent and are received."),
)


def session_events_of(name: str, event: QrIssued | ConnectionChanged) -> SocketEvents:
    """Empty for a status that these front ends do not know, such as connecting."""
    return qr_code_events(name, event) if isinstance(event, QrIssued) else _status_events(name, event)


def qr_code_events(name: str, code: QrIssued | QrCode) -> SocketEvents:
    """`urlCode` is the bare code `2@…`: newer versions of WhatsApp put an address and a `#` before it."""
    bare = code.qr.rpartition("#")[2]
    fields = {"base64": code.data_url, "ascii": code.ascii, "attempts": code.attempt, "urlCode": bare}
    return [("qr-code", fields | {"sessionName": name})]


def _status_events(name: str, state: ConnectionChanged) -> SocketEvents:
    if state.status is S.CONNECTED:
        complete: Payload = {"message": "The session is linked; this connection ends now.", "sessionName": name}
        return [
            *(_status_update(name, state, status, message=text) for status, text in _LINKED),
            (SESSION_COMPLETE, complete),
        ]
    if state.status is S.QR_PENDING:
        return [_status_update(name, state, "notLogged", message="Scan the QR code to link the account.")]
    if state.status is S.CONNECTING and state.reason == "paired":
        return [_status_update(name, state, "qrReadSuccess", message=state.detail or "The QR code was scanned.")]
    if not state.status.is_running:
        status = "qrReadError" if state.reason in _PAIRING_REASONS else "error"
        return [
            _status_update(name, state, status, error=state.detail or f"the session is {state.status}; start it again")
        ]
    return []


def _status_update(name: str, state: ConnectionChanged, status: str, **text: str) -> tuple[str, Payload]:
    at = state.model_dump(mode="json", include={"at"})["at"]
    return "status-update", {"status": status, "sessionName": name, "timestamp": at, **text}
