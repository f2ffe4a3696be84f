"""What the kill test counts as lost and as duplicated."""

from collections import Counter
from dataclasses import replace

import pytest

from deploy.local.kill_test import make_parser, planned_kills, print_report
from deploy.local.kill_test_counts import TABLE_HEADING, RoundResult, Tally, suspicious_ids, table_row, tally
from deploy.local.kill_test_send_counts import ACCEPTED, KnownStatus, SendResult

SENT = frozenset({"a", "b", "c"})
ALL_WELL = RoundResult(SENT, SENT, Counter(SENT), Counter(SENT), Counter({"phone:49": 1}), Counter({"contact": 1}))


def test_everything_once_is_clean() -> None:
    assert tally(ALL_WELL) == Tally(sent=3, acknowledged=3)
    assert tally(ALL_WELL).clean


def test_acknowledged_but_not_recorded_is_lost() -> None:
    counts = tally(replace(ALL_WELL, recorded=Counter({"a": 1, "b": 1})))
    assert (counts.lost, counts.clean) == (1, False)


def test_not_acknowledged_and_not_recorded_is_not_lost_but_not_clean_either() -> None:
    counts = tally(replace(ALL_WELL, acknowledged=frozenset({"a"}), recorded=Counter({"a": 1})))
    assert (counts.lost, counts.acknowledged, counts.clean) == (0, 1, False)


def test_acknowledged_messages_of_other_rounds_do_not_count() -> None:
    assert tally(replace(ALL_WELL, acknowledged=SENT | {"earlier"})).acknowledged == 3


def test_every_kind_of_duplicate_is_counted_separately() -> None:
    twice = Counter({"a": 2, "b": 1, "c": 3})
    assert tally(replace(ALL_WELL, recorded=twice)).doubled_messages == 2
    assert tally(replace(ALL_WELL, socket_events=twice)).doubled_on_socket == 2
    assert tally(replace(ALL_WELL, contacts=Counter({"phone:49": 2}))).doubled_contacts == 1
    assert tally(replace(ALL_WELL, bookings=Counter({"contact": 2}))).doubled_bookings == 1
    assert not tally(replace(ALL_WELL, socket_events=twice)).clean


def test_a_message_without_its_text_is_counted_and_not_lost() -> None:
    counts = tally(replace(ALL_WELL, unreadable=frozenset({"a"})))
    assert (counts.unreadable, counts.lost, counts.clean) == (1, 0, True)


def test_missing_and_duplicated_messages_are_listed() -> None:
    assert suspicious_ids(ALL_WELL) == set()
    counts = replace(ALL_WELL, recorded=Counter({"a": 2, "b": 1}), socket_events=Counter({"b": 2}))
    assert suspicious_ids(counts) == {"a", "b", "c"}


def test_an_empty_run_proves_nothing() -> None:
    assert not Tally().clean


def test_tallies_add_up() -> None:
    assert Tally(1, 1, 1) + Tally(2, 1, 0, 4) == Tally(3, 2, 1, 4)


def test_a_row_has_a_number_under_every_title() -> None:
    assert len(table_row("mongo", Tally())) == len(TABLE_HEADING)


def test_the_same_seed_gives_the_same_moments() -> None:
    options = make_parser().parse_args(["--rounds", "2"])
    assert planned_kills(options, 7) == planned_kills(options, 7) != planned_kills(options, 8)


def test_every_target_is_killed_the_requested_number_of_times_during_the_load() -> None:
    options = make_parser().parse_args(["--rounds", "5", "--seconds", "4"])
    counts = planned_kills(options, 1)
    assert Counter(kill.target for kill in counts) == Counter(
        dict.fromkeys(("worker", "supervisor", "router", "api", "realtime", "nats", "mongo"), 5)
    )
    assert all(0 < kill.after < 4 for kill in counts)


DELIVERED = KnownStatus("delivered")
SEND = SendResult("text", ACCEPTED, {"m1": DELIVERED}, DELIVERED, "delivered", frozenset({"W1"}))
NOTHING_IN = RoundResult(frozenset(), frozenset(), Counter(), Counter(), Counter(), Counter())


@pytest.mark.parametrize(
    ("arguments", "received", "sends", "status"),
    [
        ([], ALL_WELL, [SEND], 0),
        ([], ALL_WELL, [], 1),
        ([], NOTHING_IN, [SEND], 1),
        (["--rate", "0"], NOTHING_IN, [SEND], 0),
        (["--send-rate", "0"], ALL_WELL, [], 0),
        (["--rate", "0", "--send-rate", "0"], NOTHING_IN, [], 1),
        ([], replace(ALL_WELL, recorded=Counter("ab")), [SEND], 1),
        ([], ALL_WELL, [replace(SEND, received=frozenset())], 1),
        ([], ALL_WELL, [replace(SEND, received=frozenset({"W1", "W2"}))], 1),
    ],
)
def test_the_exit_status_is_1_when_a_direction_lost_or_doubled_or_proves_nothing(
    arguments: list[str], received: RoundResult, sends: list[SendResult], status: int
) -> None:
    options = make_parser().parse_args([*arguments, "--rounds", "1", "--target", "api"])
    (kill,) = planned_kills(options, 7)
    assert print_report([(kill, received, sends)], 7, options) == status


def test_the_report_names_the_seed_and_what_is_unconfirmed(capsys: pytest.CaptureFixture[str]) -> None:
    options = make_parser().parse_args([])
    unconfirmed = SendResult("text", ACCEPTED, {"m1": KnownStatus("unconfirmed")}, KnownStatus("unconfirmed"))
    kills = planned_kills(options, 7)[:1]
    print_report([(kills[0], ALL_WELL, [replace(unconfirmed, on_socket="unconfirmed")])], 7, options)
    assert capsys.readouterr().out.endswith("in: 0 lost, 0 duplicated; out: 0 lost, 0 twice, 1 unconfirmed; seed 7\n")
