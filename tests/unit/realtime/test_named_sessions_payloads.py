"""The events that the room of a named session receives for each connection status."""

import pytest

from services.realtime.dialects.named_sessions_payloads import session_events_of
from shared.contracts.events import ConnectionChanged
from shared.contracts.records import ConnectionStatus as S


def statuses_of(status: S, reason: str | None = None) -> list[str]:
    event = ConnectionChanged(organization_id="acme", instance_id="one", status=status, reason=reason)
    return [str(payload.get("status", name)) for name, payload in session_events_of("my-session", event)]


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (S.CONNECTING, None, []),
        (S.CONNECTING, "paired", ["qrReadSuccess"]),
        (S.PAIRING, None, []),
        (S.RECONNECTING, "connection_lost", []),
        (S.QR_PENDING, None, ["notLogged"]),
        (S.CONNECTED, None, ["authenticated", "ready", "inChat", "session-complete"]),
        (S.DISCONNECTED, "pairing_timeout", ["qrReadError"]),
        (S.DISCONNECTED, "pairing_failed", ["qrReadError"]),
        (S.DISCONNECTED, "as_asked", ["error"]),
        (S.LOGGED_OUT, "logged_out", ["error"]),
        (S.RESTRICTED, None, ["error"]),
        (S.FAILED, "client_outdated", ["error"]),
    ],
)
def test_each_status_has_its_events(status: S, reason: str | None, words: list[str]) -> None:
    assert statuses_of(status, reason) == words


def test_an_error_always_has_a_text() -> None:
    event = ConnectionChanged(organization_id="acme", instance_id="one", status=S.FAILED)
    ((_, payload),) = session_events_of("my-session", event)
    assert set(payload) == {"status", "sessionName", "timestamp", "error"}
    assert payload["error"]
