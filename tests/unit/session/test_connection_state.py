"""The state machine of a connection, its counters, and the delays before it is started again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.session.ipc.messages import ConnectionEvent, ConnectionUpdate
from services.session.supervisor.connection_state import (
    GIVE_UP_AFTER,
    MAX_CRASHING_STARTS,
    MAX_PROMPT_RESTARTS,
    STABLE_AFTER_S,
    WORKER_EXITED,
    ConnectionState,
    Effects,
    Phase,
    RuntimeState,
    interruption_delay_s,
    refusal_delay_s,
    retry_delay_s,
    start_delay_s,
    transition,
)
from services.session.supervisor.relinking import Verdict
from services.session.supervisor.status_reasons import detail_of
from shared.contracts.records import ConnectionStatus as S

EVENTS = get_args(ConnectionEvent)
RUNNING = RuntimeState(Phase.RUNNING)
LATER = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=1)


def update(event: Any, **more: Any) -> ConnectionUpdate:
    return ConnectionUpdate(instance_id="sales", event=event, **more)


def state(status: S, more: dict[str, Any] | None = None, **runtime: Any) -> ConnectionState:
    """`runtime`: of the part in memory; `more`: of the rest."""
    return ConnectionState(status, replace(RUNNING, **runtime), **(more or {}))


CONNECTED = state(S.CONNECTED)


def effects_of(before: ConnectionState, event: ConnectionUpdate) -> Effects:
    return transition(before, event)[1]


@pytest.mark.parametrize(
    ("event", "status", "reason", "next_action"),
    [
        ("connected", S.CONNECTED, None, "keep_running"),
        ("disconnected", S.RECONNECTING, "connection_lost", "keep_running"),
        ("unreachable", S.RECONNECTING, "network_unreachable", "retry"),
        ("interrupted", S.RECONNECTING, "library_interrupted", "retry_now"),
        ("crashed", S.RECONNECTING, "worker_crashed", "retry"),
        ("refused", S.RECONNECTING, "refused_by_whatsapp", "retry"),
        ("outdated", S.FAILED, "client_outdated", "stop"),
        ("replaced", S.FAILED, "connection_replaced", "stop"),
        ("logged_out", S.LOGGED_OUT, "logged_out", "stop"),
        ("keys_missing", S.FAILED, "keys_missing", "stop"),
        ("pairing_timeout", S.DISCONNECTED, "pairing_timeout", "stop"),
        ("stopped", S.DISCONNECTED, "as_asked", "stop"),
    ],
)
def test_each_event_has_a_status_a_reason_and_a_next_action(
    event: str, status: S, reason: str | None, next_action: str
) -> None:
    outcome = effects_of(CONNECTED, update(event))
    assert (outcome.status, outcome.reason, outcome.next) == (status, reason, next_action)


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("status", list(S))
def test_every_end_has_a_reason_and_a_sentence(event: str, status: S) -> None:
    outcome = effects_of(state(status), update(event))
    assert outcome.next == "keep_running" or (detail_of(outcome.reason) or "").endswith(".")


@pytest.mark.parametrize("status", [S.CONNECTING, S.QR_PENDING, S.PAIRING])
def test_a_pause_between_the_steps_of_a_pairing_is_not_shown(status: S) -> None:
    outcome = effects_of(state(status), update("disconnected"))
    assert (outcome.status, outcome.reason, outcome.next) == (status, None, "keep_running")


def test_a_restriction_with_an_end_is_waited_out() -> None:
    outcome = effects_of(CONNECTED, update("restricted", until=LATER))
    assert (outcome.status, outcome.next, outcome.until) == (S.RESTRICTED, "retry_at", LATER)


def test_a_restriction_without_an_end_waits_for_a_person() -> None:
    assert effects_of(CONNECTED, update("restricted")).next == "stop"


def test_a_refusal_is_given_up_after_some_attempts() -> None:
    states = [state(S.RECONNECTING, failed_starts=count) for count in range(GIVE_UP_AFTER)]
    outcomes = [effects_of(before, update("refused")) for before in states]
    assert [outcome.next for outcome in outcomes] == ["retry"] * (GIVE_UP_AFTER - 1) + ["stop"]
    assert outcomes[-1].status is S.FAILED


def test_an_unreachable_network_is_never_given_up() -> None:
    assert effects_of(state(S.RECONNECTING, failed_starts=1000), update("unreachable")).next == "retry"


def test_a_logout_forgets_the_keys_and_says_why() -> None:
    gone = effects_of(CONNECTED, update("logged_out", reason="main_device_gone"))
    unheard_of = effects_of(CONNECTED, update("logged_out", reason="401"))
    assert (gone.device_removed, gone.reason) == (True, "main_device_gone")
    assert (unheard_of.device_removed, unheard_of.reason) == (True, "logged_out")


ENDS = [event for event in EVENTS if effects_of(CONNECTED, update(event)).has_ended]


@pytest.mark.parametrize("event", ENDS)
def test_every_end_finishes_a_pending_logout(event: str) -> None:
    stopping = state(S.CONNECTED, {"pending_logout": True}, phase=Phase.STOPPING, suspended="lease_lost")
    assert effects_of(stopping, update(event)).next == "finish_logout"


@pytest.mark.parametrize("event", ENDS)
@pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.STOPPING])
def test_every_end_of_a_suspended_connection_waits_for_the_node(event: str, phase: Phase) -> None:
    outcome = effects_of(state(S.CONNECTED, phase=phase, suspended="lease_lost"), update(event))
    assert (outcome.status, outcome.reason, outcome.next) == (S.RECONNECTING, "lease_lost", "wait_for_node")
    not_to_run = state(S.CONNECTED, {"should_run": False}, phase=phase, suspended="lease_lost")
    assert effects_of(not_to_run, update("stopped")).next == "stop"


@pytest.mark.parametrize("event", ["unreachable", "crashed", "interrupted", "refused", "stopped"])
def test_a_connection_that_ends_while_it_is_stopped_is_not_started_again(event: str) -> None:
    outcome = effects_of(state(S.CONNECTED, phase=Phase.STOPPING), update(event))
    assert (outcome.status, outcome.reason, outcome.next) == (S.DISCONNECTED, "as_asked", "stop")


def test_an_end_for_good_keeps_its_reason_while_the_connection_is_stopped() -> None:
    outcome = effects_of(state(S.CONNECTED, phase=Phase.STOPPING), update("logged_out"))
    assert (outcome.status, outcome.device_removed, outcome.next) == (S.LOGGED_OUT, True, "stop")


def test_a_pending_logout_unlinks_as_soon_as_the_instance_is_connected() -> None:
    pending = state(S.CONNECTING, {"pending_logout": True})
    assert [effects_of(pending, update(event)).next for event in ("paired", "connected")] == ["keep_running", "unlink"]


def test_a_refused_number_is_logged_out_and_never_shown_as_connected() -> None:
    outcomes = [
        effects_of(state(S.CONNECTING, number_refused=True), update("paired")),
        effects_of(state(S.CONNECTING, {"pending_logout": True}, number_refused=True), update("connected")),
    ]
    assert [outcome.next for outcome in outcomes] == ["log_out", "unlink"]
    assert {(outcome.status, outcome.reason) for outcome in outcomes} == {(S.CONNECTING, "other_number_refused")}


@pytest.mark.parametrize(
    ("number_changed", "restricted", "reason"),
    [(True, True, "number_changed"), (False, True, "new_chats_restricted"), (False, False, None)],
)
def test_a_connected_instance_shows_what_a_person_should_know(
    number_changed: bool, restricted: bool, reason: str | None
) -> None:
    connecting = state(S.CONNECTING, {"new_chats_restricted": restricted}, number_changed=number_changed)
    outcome = effects_of(connecting, update("connected"))
    assert (outcome.status, outcome.reason, outcome.next) == (S.CONNECTED, reason, "keep_running")


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_a_pause_lies_between_nothing_and_two_minutes(attempt: int, fraction: float) -> None:
    assert 0 <= retry_delay_s(attempt, fraction) <= 120


def test_the_longest_pause_doubles_up_to_two_minutes() -> None:
    assert [retry_delay_s(attempt, 1.0) for attempt in range(1, 10)] == [1, 2, 4, 8, 16, 32, 64, 120, 120]


def test_an_interrupted_connection_starts_again_without_a_pause_a_few_times() -> None:
    pauses = [interruption_delay_s(number, 1.0) for number in range(1, MAX_PROMPT_RESTARTS + 4)]
    assert pauses == [0.0] * MAX_PROMPT_RESTARTS + [1.0, 2.0, 4.0]


@given(st.integers(1, 1_000), st.floats(0, 1))
def test_after_a_refusal_whatsapp_is_left_alone_for_a_while(attempt: int, fraction: float) -> None:
    assert 5 <= refusal_delay_s(attempt, fraction) <= 600


def after(before: ConnectionState, *events: ConnectionUpdate) -> RuntimeState:
    """In memory after these events; before each of them the connection was started."""
    for event in events:
        runtime, _ = transition(before, event)
        before = replace(before, runtime=runtime.on_start_sent())
    return before.runtime


@pytest.mark.parametrize("event", ENDS)
def test_every_end_frees_the_worker_and_changes_no_state_in_place(event: str) -> None:
    before = state(S.CONNECTED, failed_starts=3, interruptions=2, crashing_starts=1, number_refused=True)
    runtime, _ = transition(before, update(event, reason=WORKER_EXITED))
    assert runtime.phase is Phase.IDLE
    assert before == state(S.CONNECTED, failed_starts=3, interruptions=2, crashing_starts=1, number_refused=True)


@pytest.mark.parametrize("event", ["unreachable", "crashed", "refused"])
def test_failed_starts_are_counted_until_the_instance_is_connected(event: str) -> None:
    failed = after(state(S.RECONNECTING), *[update(event)] * 3)
    assert failed.failed_starts == 3
    assert after(state(S.RECONNECTING, failed_starts=3), update("connected")).failed_starts == 0


def test_a_connect_command_starts_counting_anew() -> None:
    runtime = RuntimeState(failed_starts=7, interruptions=2, crashing_starts=1, suspended="lease_lost")
    assert runtime.on_connect_command() == replace(runtime, failed_starts=0)


def test_a_refusal_follows_seven_others_and_is_the_last() -> None:
    before = state(S.RECONNECTING)
    for attempt in range(GIVE_UP_AFTER - 1):
        runtime, effects = transition(before, update("refused"))
        assert (effects.next, runtime.failed_starts) == ("retry", attempt + 1)
        before = replace(before, runtime=runtime.on_start_sent())
    runtime, effects = transition(before, update("refused"))
    assert (effects.next, effects.status, runtime.failed_starts) == ("stop", S.FAILED, GIVE_UP_AFTER - 1)


@pytest.mark.parametrize("effect", ["finish_logout", "wait_for_node", "stop"])
def test_an_end_without_a_new_start_counts_as_no_failed_start(effect: str) -> None:
    before = {
        "finish_logout": state(S.CONNECTED, {"pending_logout": True}),
        "wait_for_node": state(S.CONNECTED, suspended="lease_lost"),
        "stop": state(S.CONNECTED, phase=Phase.STOPPING),
    }[effect]
    for event in ("unreachable", "interrupted", "refused"):
        runtime, effects = transition(before, update(event))
        assert (effects.next, runtime.failed_starts, runtime.interruptions) == (effect, 0, 0)


def test_interruptions_in_a_row_are_counted_apart_from_failed_starts() -> None:
    assert after(state(S.CONNECTED), *[update("interrupted")] * 2) == replace(RUNNING, interruptions=2)


def test_only_the_exit_of_the_worker_process_counts_as_a_crashing_start() -> None:
    exited, failed = update("crashed", reason=WORKER_EXITED), update("crashed", reason="a thread failed")
    assert after(state(S.CONNECTED), failed, exited, failed).crashing_starts == 1
    runtime = after(state(S.CONNECTED), *[exited] * (MAX_CRASHING_STARTS - 1))
    assert not runtime.needs_own_worker
    assert after(replace(CONNECTED, runtime=runtime), exited).needs_own_worker


@pytest.mark.parametrize("running_s", [STABLE_AFTER_S - 0.1, STABLE_AFTER_S])
def test_a_stable_connection_resets_interruptions_and_crashes_and_not_failed_starts(running_s: float) -> None:
    before = state(S.CONNECTED, {"running_s": running_s}, failed_starts=2, interruptions=3, crashing_starts=1)
    stable = running_s >= STABLE_AFTER_S
    interrupted = after(before, update("interrupted"))
    assert (interrupted.interruptions, interrupted.crashing_starts) == ((1, 0) if stable else (4, 1))
    crashed = after(before, update("crashed", reason=WORKER_EXITED))
    assert (crashed.interruptions, crashed.crashing_starts) == ((0, 0) if stable else (3, 2))
    assert (interrupted.failed_starts, crashed.failed_starts) == (2, 3)


def test_each_kind_of_end_has_its_own_delay_before_the_next_start() -> None:
    runtime = RuntimeState(failed_starts=3, interruptions=MAX_PROMPT_RESTARTS + 1)
    unreachable, refused, interrupted = (
        effects_of(state(S.CONNECTED), update(event)) for event in ("unreachable", "refused", "interrupted")
    )
    assert start_delay_s(runtime, unreachable, 0.5) == retry_delay_s(3, 0.5)
    assert start_delay_s(runtime, refused, 0.5) == refusal_delay_s(3, 0.5)
    assert start_delay_s(runtime, interrupted, 0.5) == interruption_delay_s(MAX_PROMPT_RESTARTS + 1, 0.5)


@pytest.mark.parametrize(
    ("verdict", "refused", "changed"), [("same", False, False), ("follow", False, True), ("refuse", True, False)]
)
def test_a_phone_with_another_number_is_remembered_until_the_next_one(
    verdict: Verdict, refused: bool, changed: bool
) -> None:
    before = RuntimeState(number_refused=not refused, number_changed=not changed)
    runtime = before.on_number_checked(verdict)
    assert (runtime.number_refused, runtime.number_changed) == (refused, changed)


def test_a_changed_number_is_shown_once_and_a_refused_one_until_it_is_logged_out() -> None:
    assert not after(state(S.CONNECTING, number_changed=True), update("connected")).number_changed
    refused = after(state(S.CONNECTING, number_refused=True), update("paired"), update("connected"), update("stopped"))
    assert refused.number_refused
    assert not refused.on_logout_finished().number_refused


def test_a_suspension_outlasts_the_end_of_the_connection() -> None:
    suspended = RUNNING.on_suspended("lease_lost").on_stop_sent()
    runtime, effects = transition(ConnectionState(S.CONNECTED, suspended), update("stopped"))
    assert (effects.next, runtime) == ("wait_for_node", RuntimeState(Phase.IDLE, suspended="lease_lost"))
    assert runtime.on_suspended(None) == RuntimeState()
