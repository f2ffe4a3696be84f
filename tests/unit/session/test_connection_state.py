"""The state table: what WhatsApp's news mean, and when a start is tried again."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.session.ipc.messages import ConnectionUpdate
from services.session.supervisor.connection_state import (
    GIVE_UP_AFTER,
    MAX_PROMPT_RESTARTS,
    interruption_pause,
    outcome_of,
    refusal_pause,
    retry_pause,
)
from services.session.supervisor.status_reasons import detail_of
from shared.contracts.records import ConnectionStatus as S

STATES = get_args(ConnectionUpdate.model_fields["event"].annotation)
LATER = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=1)


def news(state: Any, **more: Any) -> ConnectionUpdate:
    return ConnectionUpdate(instance_id="sales", event=state, **more)


@pytest.mark.parametrize(
    ("state", "status", "reason", "then"),
    [
        ("connected", S.CONNECTED, None, "run"),
        ("disconnected", S.RECONNECTING, "connection_lost", "run"),
        ("unreachable", S.RECONNECTING, "network_unreachable", "again"),
        ("interrupted", S.RECONNECTING, "library_interrupted", "at_once"),
        ("crashed", S.RECONNECTING, "worker_crashed", "again"),
        ("refused", S.RECONNECTING, "refused_by_whatsapp", "again"),
        ("outdated", S.FAILED, "client_outdated", "rest"),
        ("replaced", S.FAILED, "connection_replaced", "rest"),
        ("logged_out", S.LOGGED_OUT, "logged_out", "rest"),
        ("keys_missing", S.FAILED, "keys_missing", "rest"),
        ("pairing_timeout", S.DISCONNECTED, "pairing_timeout", "rest"),
        ("stopped", S.DISCONNECTED, "as_asked", "rest"),
    ],
)
def test_news_have_a_meaning(state: str, status: S, reason: str | None, then: str) -> None:
    outcome = outcome_of(news(state), S.CONNECTED, 0)
    assert (outcome.status, outcome.reason, outcome.then) == (status, reason, then)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("status", list(S))
def test_every_end_has_a_reason_and_a_sentence(state: str, status: S) -> None:
    outcome = outcome_of(news(state), status, 0)
    assert outcome.then == "run" or (detail_of(outcome.reason) or "").endswith(".")


@pytest.mark.parametrize("status", [S.CONNECTING, S.QR_PENDING, S.PAIRING])
def test_a_pause_between_the_steps_of_a_pairing_is_not_shown(status: S) -> None:
    outcome = outcome_of(news("disconnected"), status, 0)
    assert (outcome.status, outcome.reason, outcome.then) == (status, None, "run")


def test_a_restriction_with_an_end_is_waited_out() -> None:
    outcome = outcome_of(news("restricted", until=LATER), S.CONNECTED, 0)
    assert (outcome.status, outcome.then, outcome.until) == (S.RESTRICTED, "wait_until", LATER)


def test_a_restriction_without_an_end_waits_for_a_person() -> None:
    assert outcome_of(news("restricted"), S.CONNECTED, 0).then == "rest"


def test_a_refusal_is_given_up_after_some_attempts() -> None:
    outcomes = [outcome_of(news("refused"), S.RECONNECTING, failures) for failures in range(GIVE_UP_AFTER)]
    assert [outcome.then for outcome in outcomes] == ["again"] * (GIVE_UP_AFTER - 1) + ["rest"]
    assert outcomes[-1].status is S.FAILED


def test_an_unreachable_network_is_never_given_up() -> None:
    assert outcome_of(news("unreachable"), S.RECONNECTING, 1000).then == "again"


def test_a_logout_forgets_the_keys_and_says_why() -> None:
    gone = outcome_of(news("logged_out", reason="main_device_gone"), S.CONNECTED, 0)
    unheard_of = outcome_of(news("logged_out", reason="401"), S.CONNECTED, 0)
    assert (gone.unlinked, gone.reason) == (True, "main_device_gone")
    assert (unheard_of.unlinked, unheard_of.reason) == (True, "logged_out")


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_a_pause_lies_between_nothing_and_two_minutes(attempt: int, fraction: float) -> None:
    assert 0 <= retry_pause(attempt, fraction) <= 120


def test_the_longest_pause_doubles_up_to_two_minutes() -> None:
    assert [retry_pause(attempt, 1.0) for attempt in range(1, 10)] == [1, 2, 4, 8, 16, 32, 64, 120, 120]


def test_an_interrupted_connection_starts_again_without_a_pause_a_few_times() -> None:
    pauses = [interruption_pause(number, 1.0) for number in range(1, MAX_PROMPT_RESTARTS + 4)]
    assert pauses == [0.0] * MAX_PROMPT_RESTARTS + [1.0, 2.0, 4.0]


@given(st.integers(1, 1_000), st.floats(0, 1))
def test_after_a_refusal_whatsapp_is_left_alone_for_a_while(attempt: int, fraction: float) -> None:
    assert 5 <= refusal_pause(attempt, fraction) <= 600
