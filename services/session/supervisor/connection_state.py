"""The state table of a connection: what WhatsApp's news mean, why, and what to do next. Pure.

disconnected → connecting → qr_pending | pairing → connected → reconnecting → connected
                                                → logged_out, restricted, failed
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from services.session.ipc.messages import ConnectionUpdate
from services.session.supervisor.status_reasons import detail_of
from shared.contracts.records import ConnectionStatus as S

Next = Literal["run", "again", "at_once", "wait_until", "rest"]
"""What follows: it runs · start again after a pause · start again without one · start again when the restriction ends ·
nothing, until asked."""

GIVE_UP_AFTER = 8
"""Failed starts in a row after which a connection that WhatsApp itself refuses is given up."""
MAX_PROMPT_RESTARTS = 3
"""Interruptions in a row that are followed by a start without a pause; the next ones wait like failed starts."""
STABLE_AFTER_S = 60.0
"""Seconds a connection has to last to count as a good one: what happened before it is forgotten."""
_MAX_PAUSE_S = 120
_FIRST_REFUSAL_PAUSE_S, _MAX_REFUSAL_PAUSE_S = 10, 600
UNLINKINGS = frozenset({"logged_out", "main_device_gone"})
"""Reasons of a logout that are told apart."""
_NOT_YET_CONNECTED = frozenset({S.CONNECTING, S.QR_PENDING, S.PAIRING})


@dataclass(frozen=True)
class Outcome:
    """status and reason to show, what follows, and whether the device keys are gone."""

    status: S
    reason: str | None
    then: Next
    until: datetime | None = None
    unlinked: bool = False

    @property
    def detail(self) -> str | None:
        """A sentence with the remedy."""
        return detail_of(self.reason)

    @property
    def will_retry(self) -> bool:
        """It comes back without anybody doing anything."""
        return self.status is S.RECONNECTING or self.then == "wait_until"


_TABLE: dict[str, Outcome] = {
    "paired": Outcome(S.CONNECTING, "paired", "run"),
    "connected": Outcome(S.CONNECTED, None, "run"),
    "disconnected": Outcome(S.RECONNECTING, "connection_lost", "run"),
    "unreachable": Outcome(S.RECONNECTING, "network_unreachable", "again"),
    "interrupted": Outcome(S.RECONNECTING, "library_interrupted", "at_once"),
    "crashed": Outcome(S.RECONNECTING, "worker_crashed", "again"),
    "refused": Outcome(S.RECONNECTING, "refused_by_whatsapp", "again"),
    "restricted": Outcome(S.RESTRICTED, "restricted_by_whatsapp", "rest"),
    "outdated": Outcome(S.FAILED, "client_outdated", "rest"),
    "replaced": Outcome(S.FAILED, "connection_replaced", "rest"),
    "logged_out": Outcome(S.LOGGED_OUT, "logged_out", "rest", unlinked=True),
    "keys_missing": Outcome(S.FAILED, "keys_missing", "rest"),
    "pairing_timeout": Outcome(S.DISCONNECTED, "pairing_timeout", "rest"),
    "pairing_failed": Outcome(S.DISCONNECTED, "pairing_failed", "rest"),
    "stopped": Outcome(S.DISCONNECTED, "as_asked", "rest"),
}


def outcome_of(changed: ConnectionUpdate, status: S, failures: int) -> Outcome:
    """What the news mean for a connection in `status` that failed to start so many times in a row."""
    outcome = _TABLE[changed.event]
    if changed.event == "disconnected" and status in _NOT_YET_CONNECTED:
        return replace(outcome, status=status, reason=None)  # between the steps of a pairing the library reconnects
    if changed.event == "refused" and failures + 1 >= GIVE_UP_AFTER:
        return replace(outcome, status=S.FAILED, then="rest")
    if changed.event == "restricted" and changed.until:
        return replace(outcome, then="wait_until", until=changed.until)
    if changed.event == "logged_out" and changed.reason in UNLINKINGS:
        return replace(outcome, reason=changed.reason)
    return outcome


def retry_pause(attempt: int, fraction: float) -> float:
    """Seconds before start number `attempt` (1, 2, ...): full jitter below 1, 2, 4, ... 120 s. fraction: 0 to 1."""
    return fraction * float(min(2 ** (attempt - 1), _MAX_PAUSE_S))


def refusal_pause(attempt: int, fraction: float) -> float:
    """The same after WhatsApp itself refused the login: between half and all of 10, 20, 40, ... 600 s."""
    longest = min(_FIRST_REFUSAL_PAUSE_S * 2 ** (attempt - 1), _MAX_REFUSAL_PAUSE_S)
    return (0.5 + fraction / 2) * float(longest)


def interruption_pause(interruptions: int, fraction: float) -> float:
    """The same after interruption number `interruptions` (1, 2, ...) in a row."""
    later = interruptions - MAX_PROMPT_RESTARTS
    return retry_pause(later, fraction) if later > 0 else 0.0
