"""The state machine of a connection, and the delays before it is started again."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.session.ipc.messages import ConnectionEvent, ConnectionUpdate
from services.session.supervisor.connection_state import (
    GIVE_UP_AFTER,
    MAX_PROMPT_RESTARTS,
    ConnectionState,
    Phase,
    interruption_delay_s,
    refusal_delay_s,
    retry_delay_s,
    transition,
)
from services.session.supervisor.status_reasons import detail_of
from shared.contracts.records import ConnectionStatus as S

EVENTS = get_args(ConnectionEvent)
CONNECTED = ConnectionState(S.CONNECTED)
LATER = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=1)


def update(event: Any, **more: Any) -> ConnectionUpdate:
    return ConnectionUpdate(instance_id="sales", event=event, **more)


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
    outcome = transition(CONNECTED, update(event))
    assert (outcome.status, outcome.reason, outcome.next) == (status, reason, next_action)


@pytest.mark.parametrize("event", EVENTS)
@pytest.mark.parametrize("status", list(S))
def test_every_end_has_a_reason_and_a_sentence(event: str, status: S) -> None:
    outcome = transition(ConnectionState(status), update(event))
    assert outcome.next == "keep_running" or (detail_of(outcome.reason) or "").endswith(".")


@pytest.mark.parametrize("status", [S.CONNECTING, S.QR_PENDING, S.PAIRING])
def test_a_pause_between_the_steps_of_a_pairing_is_not_shown(status: S) -> None:
    outcome = transition(ConnectionState(status), update("disconnected"))
    assert (outcome.status, outcome.reason, outcome.next) == (status, None, "keep_running")


def test_a_restriction_with_an_end_is_waited_out() -> None:
    outcome = transition(CONNECTED, update("restricted", until=LATER))
    assert (outcome.status, outcome.next, outcome.until) == (S.RESTRICTED, "retry_at", LATER)


def test_a_restriction_without_an_end_waits_for_a_person() -> None:
    assert transition(CONNECTED, update("restricted")).next == "stop"


def test_a_refusal_is_given_up_after_some_attempts() -> None:
    states = [ConnectionState(S.RECONNECTING, failed_starts=count) for count in range(GIVE_UP_AFTER)]
    outcomes = [transition(state, update("refused")) for state in states]
    assert [outcome.next for outcome in outcomes] == ["retry"] * (GIVE_UP_AFTER - 1) + ["stop"]
    assert outcomes[-1].status is S.FAILED


def test_an_unreachable_network_is_never_given_up() -> None:
    assert transition(ConnectionState(S.RECONNECTING, failed_starts=1000), update("unreachable")).next == "retry"


def test_a_logout_forgets_the_keys_and_says_why() -> None:
    gone = transition(CONNECTED, update("logged_out", reason="main_device_gone"))
    unheard_of = transition(CONNECTED, update("logged_out", reason="401"))
    assert (gone.device_removed, gone.reason) == (True, "main_device_gone")
    assert (unheard_of.device_removed, unheard_of.reason) == (True, "logged_out")


ENDS = [event for event in EVENTS if transition(CONNECTED, update(event)).has_ended]


@pytest.mark.parametrize("event", ENDS)
def test_every_end_finishes_a_pending_logout(event: str) -> None:
    state = ConnectionState(S.CONNECTED, Phase.STOPPING, pending_logout=True, suspended="lease_lost")
    assert transition(state, update(event)).next == "finish_logout"


@pytest.mark.parametrize("event", ENDS)
@pytest.mark.parametrize("phase", [Phase.RUNNING, Phase.STOPPING])
def test_every_end_of_a_suspended_connection_waits_for_the_node(event: str, phase: Phase) -> None:
    outcome = transition(ConnectionState(S.CONNECTED, phase, suspended="lease_lost"), update(event))
    assert (outcome.status, outcome.reason, outcome.next) == (S.RECONNECTING, "lease_lost", "wait_for_node")
    not_to_run = ConnectionState(S.CONNECTED, phase, should_run=False, suspended="lease_lost")
    assert transition(not_to_run, update("stopped")).next == "stop"


@pytest.mark.parametrize("event", ["unreachable", "crashed", "interrupted", "refused", "stopped"])
def test_a_connection_that_ends_while_it_is_stopped_is_not_started_again(event: str) -> None:
    outcome = transition(ConnectionState(S.CONNECTED, Phase.STOPPING), update(event))
    assert (outcome.status, outcome.reason, outcome.next) == (S.DISCONNECTED, "as_asked", "stop")


def test_an_end_for_good_keeps_its_reason_while_the_connection_is_stopped() -> None:
    outcome = transition(ConnectionState(S.CONNECTED, Phase.STOPPING), update("logged_out"))
    assert (outcome.status, outcome.device_removed, outcome.next) == (S.LOGGED_OUT, True, "stop")


def test_a_pending_logout_unlinks_as_soon_as_the_instance_is_connected() -> None:
    pending = ConnectionState(S.CONNECTING, pending_logout=True)
    assert [transition(pending, update(event)).next for event in ("paired", "connected")] == ["keep_running", "unlink"]


def test_a_refused_number_is_logged_out_and_never_shown_as_connected() -> None:
    outcomes = [
        transition(ConnectionState(S.CONNECTING, number_refused=True), update("paired")),
        transition(ConnectionState(S.CONNECTING, pending_logout=True, number_refused=True), update("connected")),
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
    state = ConnectionState(S.CONNECTING, number_changed=number_changed, new_chats_restricted=restricted)
    outcome = transition(state, update("connected"))
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
