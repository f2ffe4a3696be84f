"""The state machine of a connection: which status an event leads to, why, and what to do next. Pure.

disconnected → connecting → qr_pending | pairing → connected → reconnecting → connected
                                                → logged_out, restricted, failed
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from typing import Literal

from services.session.ipc.messages import ConnectionEvent, ConnectionUpdate
from services.session.ipc.send_error_codes import NEW_CHATS_RESTRICTED
from shared.contracts.records import ConnectionStatus as S

NextAction = Literal[
    "keep_running",
    "log_out",
    "unlink",
    "retry",
    "retry_now",
    "retry_at",
    "wait_for_node",
    "finish_logout",
    "stop",
]
"""The connection goes on: keep_running · log_out: as soon as it is connected · unlink: log out now.
It has ended: retry: start again after a delay · retry_now: without one · retry_at: when the restriction ends ·
wait_for_node: when the node may hold connections again · finish_logout: delete the device keys · stop: until a command.
"""
_RUNNING = frozenset[NextAction]({"keep_running", "log_out", "unlink"})

GIVE_UP_AFTER = 8
"""Failed starts in a row after which a connection that WhatsApp itself refuses is given up."""
MAX_PROMPT_RESTARTS = 3
"""Interruptions in a row that are followed by a start without a delay; later ones are delayed like failed starts."""
STABLE_AFTER_S = 60.0
"""A connection that lasted so long resets the counters of interruptions and crashes."""
_MAX_RETRY_DELAY_S = 120
_FIRST_REFUSAL_DELAY_S = 10
_MAX_REFUSAL_DELAY_S = 600
LOGOUT_REASONS = frozenset({"logged_out", "main_device_gone"})
"""Reasons of a logout that have a status reason of their own."""
_NOT_YET_CONNECTED = frozenset({S.CONNECTING, S.QR_PENDING, S.PAIRING})


class Phase(Enum):
    IDLE = auto()
    """No worker has the instance."""
    RUNNING = auto()
    """A worker was sent Start and has not reported an end."""
    STOPPING = auto()
    """It was sent Stop as well."""


@dataclass(frozen=True)
class ConnectionState:
    """What decides, besides the event. `suspended`: why the node closed the connection without a command."""

    status: S
    phase: Phase = Phase.RUNNING
    should_run: bool = True
    pending_logout: bool = False
    suspended: str | None = None
    failed_starts: int = 0
    number_refused: bool = False
    number_changed: bool = False
    new_chats_restricted: bool = False


@dataclass(frozen=True)
class Transition:
    """The new status and its reason, the next action, and whether the device keys are gone."""

    status: S
    reason: str | None
    next: NextAction
    until: datetime | None = None
    device_removed: bool = False

    @property
    def has_ended(self) -> bool:
        """The library does nothing more by itself."""
        return self.next not in _RUNNING


_TABLE: dict[ConnectionEvent, Transition] = {
    "paired": Transition(S.CONNECTING, "paired", "keep_running"),
    "connected": Transition(S.CONNECTED, None, "keep_running"),
    "disconnected": Transition(S.RECONNECTING, "connection_lost", "keep_running"),
    "unreachable": Transition(S.RECONNECTING, "network_unreachable", "retry"),
    "interrupted": Transition(S.RECONNECTING, "library_interrupted", "retry_now"),
    "crashed": Transition(S.RECONNECTING, "worker_crashed", "retry"),
    "refused": Transition(S.RECONNECTING, "refused_by_whatsapp", "retry"),
    "restricted": Transition(S.RESTRICTED, "restricted_by_whatsapp", "stop"),
    "outdated": Transition(S.FAILED, "client_outdated", "stop"),
    "replaced": Transition(S.FAILED, "connection_replaced", "stop"),
    "logged_out": Transition(S.LOGGED_OUT, "logged_out", "stop", device_removed=True),
    "keys_missing": Transition(S.FAILED, "keys_missing", "stop"),
    "pairing_timeout": Transition(S.DISCONNECTED, "pairing_timeout", "stop"),
    "pairing_failed": Transition(S.DISCONNECTED, "pairing_failed", "stop"),
    "stopped": Transition(S.DISCONNECTED, "as_asked", "stop"),
}


def transition(state: ConnectionState, update: ConnectionUpdate) -> Transition:
    event = _transition_of_event(state, update)
    if not event.has_ended:
        return _while_running(state, update.event, event)
    if state.pending_logout:
        return Transition(S.LOGGED_OUT, "logout_asked", "finish_logout")
    if state.suspended and state.should_run:
        return Transition(S.RECONNECTING, state.suspended, "wait_for_node")
    if state.phase is Phase.STOPPING and event.next != "stop":
        return _TABLE["stopped"]
    return event


def _transition_of_event(state: ConnectionState, update: ConnectionUpdate) -> Transition:
    row = _TABLE[update.event]
    if update.event == "disconnected" and state.status in _NOT_YET_CONNECTED:
        return replace(row, status=state.status, reason=None)  # the library reconnects between the steps of a pairing
    if update.event == "refused" and state.failed_starts + 1 >= GIVE_UP_AFTER:
        return replace(row, status=S.FAILED, next="stop")
    if update.event == "restricted" and update.until:
        return replace(row, next="retry_at", until=update.until)
    if update.event == "logged_out" and update.reason in LOGOUT_REASONS:
        return replace(row, reason=update.reason)
    return row


def _while_running(state: ConnectionState, event: ConnectionEvent, row: Transition) -> Transition:
    """A phone whose number is refused is logged out again, and never shown as connected."""
    if event == "connected" and state.pending_logout:
        row = replace(row, next="unlink")
    elif event == "paired" and state.number_refused:
        row = replace(row, next="log_out")
    if state.number_refused:
        return replace(row, status=S.CONNECTING, reason="other_number_refused")
    if event == "connected" and state.number_changed:
        return replace(row, reason="number_changed")
    if event == "connected" and state.new_chats_restricted:
        return replace(row, reason=NEW_CHATS_RESTRICTED)
    return row


def retry_delay_s(attempt: int, fraction: float) -> float:
    """Before start number `attempt` (1, 2, ...): full jitter below 1, 2, 4, ... 120 s. `fraction`: random, 0 to 1."""
    return fraction * float(min(2 ** (attempt - 1), _MAX_RETRY_DELAY_S))


def refusal_delay_s(attempt: int, fraction: float) -> float:
    """The same after WhatsApp refused the login: between half and all of 10, 20, 40, ... 600 s."""
    longest = min(_FIRST_REFUSAL_DELAY_S * 2 ** (attempt - 1), _MAX_REFUSAL_DELAY_S)
    return (0.5 + fraction / 2) * float(longest)


def interruption_delay_s(interruptions: int, fraction: float) -> float:
    """The same after interruption number `interruptions` (1, 2, ...) in a row."""
    delayed = interruptions - MAX_PROMPT_RESTARTS
    return retry_delay_s(delayed, fraction) if delayed > 0 else 0.0
