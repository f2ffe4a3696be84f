"""What the kill test counts as lost, as sent twice and as wrongly reported among the sends."""

from collections import Counter
from dataclasses import replace

import pytest

from deploy.local.kill_test_send_counts import (
    ACCEPTED,
    SEND_HEADING,
    UNANSWERED,
    KnownStatus,
    SendResult,
    SendTally,
    fault_lines,
    reason_lines,
    send_row,
    tally_sends,
)


def result(status: str, *received: str, error: str | None = None, answer: str = ACCEPTED) -> SendResult:
    """A send whose status is known to all alike."""
    step = KnownStatus(status, error)
    return SendResult("text", answer, {"m1": step}, step, status, frozenset(received))


DELIVERED = result("delivered", "W1")
REFUSED = SendResult("text", "instance_not_connected")


@pytest.mark.parametrize("status", ["delivered", "read", "played"])
def test_a_text_that_the_recipient_confirmed_is_clean(status: str) -> None:
    counts = tally_sends([result(status, "W1")])
    assert counts == SendTally(sent=1, accepted=1, delivered=1)
    assert counts.clean


@pytest.mark.parametrize(
    "lost",
    [
        SendResult("text", ACCEPTED),
        result("queued"),
        result("queued", "W1"),
        result("sent"),
        result("delivered"),
        result("failed", "W1", error="no_route: why"),
        result("failed"),
        SendResult("text", UNANSWERED, received=frozenset({"W1"})),
        replace(REFUSED, received=frozenset({"W1"})),
        replace(REFUSED, stored={"m1": KnownStatus("queued")}),
    ],
)
def test_a_text_without_a_known_end_or_with_another_one_than_reported_is_lost(lost: SendResult) -> None:
    assert tally_sends([lost]).lost == 1
    assert not tally_sends([DELIVERED, lost]).clean
    assert "lost: " in fault_lines([lost])[0]


@pytest.mark.parametrize(
    "settled",
    [
        DELIVERED,
        REFUSED,
        SendResult("text", UNANSWERED),
        result("failed", error="no_route: why"),
        result("unconfirmed"),
        result("unconfirmed", "W1"),
        result("delivered", "W1", answer=UNANSWERED),
    ],
)
def test_an_end_that_is_reported_is_no_loss(settled: SendResult) -> None:
    assert (settled.loss, settled.settled, settled.twice) == (None, True, False)
    assert tally_sends([DELIVERED, settled]).clean
    assert fault_lines([settled]) == []


def test_two_whatsapp_messages_or_two_stored_messages_are_sent_twice() -> None:
    received, stored = result("delivered", "W1", "W2"), {"m1": KnownStatus("delivered"), "m2": KnownStatus("delivered")}
    counts = tally_sends([received, replace(DELIVERED, stored=stored)])
    assert (counts.twice, counts.lost, counts.clean) == (2, 0, False)
    assert len(fault_lines([received])) == 1


@pytest.mark.parametrize(
    "differing",
    [
        replace(DELIVERED, published=KnownStatus("sent")),
        replace(DELIVERED, published=None),
        replace(DELIVERED, on_socket="sent"),
        replace(DELIVERED, on_socket=None),
    ],
)
def test_a_last_status_that_is_not_the_stored_one_differs(differing: SendResult) -> None:
    counts = tally_sends([differing])
    assert (counts.differing, counts.lost, counts.clean, differing.settled) == (1, 0, False, False)


def test_a_text_whose_receipt_is_not_recorded_is_counted() -> None:
    counts = tally_sends([result("sent", "W1")])
    assert (counts.no_receipt, counts.lost, counts.delivered, counts.clean) == (1, 0, 0, False)


def test_refusals_are_counted_by_their_code() -> None:
    counts = tally_sends([REFUSED, DELIVERED]) + tally_sends([REFUSED, replace(REFUSED, answer="queue_full")])
    assert (counts.sent, counts.accepted, counts.refused) == (4, 1, 3)
    assert counts.refusals == Counter(instance_not_connected=2, queue_full=1)
    assert reason_lines(counts) == ["refused: instance_not_connected 2, queue_full 1", "failed: none"]


def test_failures_are_counted_by_their_code() -> None:
    counts = tally_sends([result("failed", error="not_connected: the worker exited"), DELIVERED])
    assert (counts.failed, counts.failures) == (1, Counter(not_connected=1))
    assert reason_lines(counts)[1] == "failed: not_connected 1"


def test_a_run_without_accepted_sends_proves_nothing() -> None:
    assert not SendTally().clean
    assert not tally_sends([REFUSED]).clean


def test_a_row_has_a_number_under_every_title() -> None:
    assert len(send_row("mongo", SendTally())) == len(SEND_HEADING)
