"""The state machine of a connection: (state, event) -> (state, effects). Pure, and nothing is changed in place.

disconnected → connecting → qr_pending | pairing → connected → reconnecting → connected
                                                → logged_out, restricted, failed
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from typing import Literal, Self

from services.session.ipc.messages import ConnectionEvent, ConnectionUpdate
from services.session.ipc.send_error_codes import NEW_CHATS_RESTRICTED
from services.session.supervisor.relinking import Verdict
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
MAX_CRASHING_STARTS = 2
"""Starts in a row that crashed the worker process, after which the instance gets a worker process of its own."""
WORKER_EXITED = "the worker process ended"
"""Reason of a "crashed" that the supervisor reports itself, because the worker no longer can."""
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
class RuntimeState:
    """What this node keeps in memory about an instance. Each method is an event and returns the state after it.

    suspended: why the node closed the connection without a command.
    failed_starts, interruptions, crashing_starts: in a row.
    number_refused, number_changed: the phone that linked it has another number than expected (relinking.py).
    """

    phase: Phase = Phase.IDLE
    suspended: str | None = None
    failed_starts: int = 0
    interruptions: int = 0
    crashing_starts: int = 0
    number_refused: bool = False
    number_changed: bool = False

    @property
    def needs_own_worker(self) -> bool:
        return self.crashing_starts >= MAX_CRASHING_STARTS

    def on_connect_command(self) -> Self:
        """Somebody wants the connection now: it is not given up soon."""
        return replace(self, failed_starts=0)

    def on_suspended(self, reason: str | None) -> Self:
        """None: it is suspended no longer."""
        return replace(self, suspended=reason)

    def on_start_sent(self) -> Self:
        return replace(self, phase=Phase.RUNNING)

    def on_stop_sent(self) -> Self:
        return replace(self, phase=Phase.STOPPING)

    def on_number_checked(self, verdict: Verdict) -> Self:
        return replace(self, number_refused=verdict == "refuse", number_changed=verdict == "follow")

    def on_logout_finished(self) -> Self:
        return replace(self, number_refused=False)


@dataclass(frozen=True)
class ConnectionState:
    """What decides, besides the event: what MongoDB has about the connection, and what the node has in memory.

    running_s: since the worker was sent Start.
    """

    status: S
    runtime: RuntimeState
    should_run: bool = True
    pending_logout: bool = False
    new_chats_restricted: bool = False
    running_s: float = 0.0


@dataclass(frozen=True)
class Effects:
    """The status and reason to save, the next action, and whether the device keys are gone."""

    status: S
    reason: str | None
    next: NextAction
    until: datetime | None = None
    device_removed: bool = False

    @property
    def has_ended(self) -> bool:
        """The library does nothing more by itself."""
        return self.next not in _RUNNING


_TABLE: dict[ConnectionEvent, Effects] = {
    "paired": Effects(S.CONNECTING, "paired", "keep_running"),
    "connected": Effects(S.CONNECTED, None, "keep_running"),
    "disconnected": Effects(S.RECONNECTING, "connection_lost", "keep_running"),
    "unreachable": Effects(S.RECONNECTING, "network_unreachable", "retry"),
    "interrupted": Effects(S.RECONNECTING, "library_interrupted", "retry_now"),
    "crashed": Effects(S.RECONNECTING, "worker_crashed", "retry"),
    "refused": Effects(S.RECONNECTING, "refused_by_whatsapp", "retry"),
    "restricted": Effects(S.RESTRICTED, "restricted_by_whatsapp", "stop"),
    "outdated": Effects(S.FAILED, "client_outdated", "stop"),
    "replaced": Effects(S.FAILED, "connection_replaced", "stop"),
    "logged_out": Effects(S.LOGGED_OUT, "logged_out", "stop", device_removed=True),
    "keys_missing": Effects(S.FAILED, "keys_missing", "stop"),
    "pairing_timeout": Effects(S.DISCONNECTED, "pairing_timeout", "stop"),
    "pairing_failed": Effects(S.DISCONNECTED, "pairing_failed", "stop"),
    "stopped": Effects(S.DISCONNECTED, "as_asked", "stop"),
}


def transition(state: ConnectionState, update: ConnectionUpdate) -> tuple[RuntimeState, Effects]:
    effects = _effects(state, update)
    if effects.has_ended:
        return _runtime_after_end(state, update, effects), effects
    if update.event == "connected":
        return replace(state.runtime, failed_starts=0, number_changed=False), effects
    return state.runtime, effects


def _effects(state: ConnectionState, update: ConnectionUpdate) -> Effects:
    runtime, effects = state.runtime, _effects_of_event(state, update)
    if not effects.has_ended:
        return _while_running(state, update.event, effects)
    if state.pending_logout:
        return Effects(S.LOGGED_OUT, "logout_asked", "finish_logout")
    if runtime.suspended and state.should_run:
        return Effects(S.RECONNECTING, runtime.suspended, "wait_for_node")
    if runtime.phase is Phase.STOPPING and effects.next != "stop":
        return _TABLE["stopped"]
    return effects


def _effects_of_event(state: ConnectionState, update: ConnectionUpdate) -> Effects:
    row = _TABLE[update.event]
    if update.event == "disconnected" and state.status in _NOT_YET_CONNECTED:
        return replace(row, status=state.status, reason=None)  # the library reconnects between the steps of a pairing
    if update.event == "refused" and state.runtime.failed_starts + 1 >= GIVE_UP_AFTER:
        return replace(row, status=S.FAILED, next="stop")
    if update.event == "restricted" and update.until:
        return replace(row, next="retry_at", until=update.until)
    if update.event == "logged_out" and update.reason in LOGOUT_REASONS:
        return replace(row, reason=update.reason)
    return row


def _while_running(state: ConnectionState, event: ConnectionEvent, row: Effects) -> Effects:
    """A phone whose number is refused is logged out again, and never shown as connected."""
    if event == "connected" and state.pending_logout:
        row = replace(row, next="unlink")
    elif event == "paired" and state.runtime.number_refused:
        row = replace(row, next="log_out")
    if state.runtime.number_refused:
        return replace(row, status=S.CONNECTING, reason="other_number_refused")
    if event == "connected" and state.runtime.number_changed:
        return replace(row, reason="number_changed")
    if event == "connected" and state.new_chats_restricted:
        return replace(row, reason=NEW_CHATS_RESTRICTED)
    return row


def _runtime_after_end(state: ConnectionState, update: ConnectionUpdate, effects: Effects) -> RuntimeState:
    runtime = replace(state.runtime, phase=Phase.IDLE)
    if state.running_s >= STABLE_AFTER_S:
        runtime = replace(runtime, interruptions=0, crashing_starts=0)
    elif update.event == "crashed" and update.reason == WORKER_EXITED:
        runtime = replace(runtime, crashing_starts=runtime.crashing_starts + 1)
    if effects.next == "retry_now":
        return replace(runtime, interruptions=runtime.interruptions + 1)
    if effects.next == "retry":
        return replace(runtime, failed_starts=runtime.failed_starts + 1)
    return runtime


def start_delay_s(runtime: RuntimeState, effects: Effects, fraction: float) -> float:
    """Before the start that follows a "retry" or "retry_now". `runtime`: after that end. `fraction`: random, 0 to 1."""
    if effects.next == "retry_now":
        return interruption_delay_s(runtime.interruptions, fraction)
    delay_s = refusal_delay_s if effects.reason == "refused_by_whatsapp" else retry_delay_s
    return delay_s(runtime.failed_starts, fraction)


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
