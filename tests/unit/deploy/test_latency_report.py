"""The numbers `bench latency` prints."""

import pytest

from deploy.local.latency_report import MessageTimes, percentile, processor_lines, report_lines


@pytest.mark.parametrize(
    ("percent", "value"),
    [(50, 50.0), (99, 99.0), (100, 100.0), (0.1, 1.0)],
)
def test_a_percentile_is_a_value_that_was_measured(percent: float, value: float) -> None:
    assert percentile([float(n) for n in range(100, 0, -1)], percent) == value


def test_one_value_is_every_percentile() -> None:
    assert percentile([7.0], 50) == percentile([7.0], 99) == 7.0


def test_without_values_there_is_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 50)


def test_a_run_is_shown_by_stage_in_milliseconds() -> None:
    shown = report_lines(10, 2, [MessageTimes(1.0, 1.001, 1.003, 1.007, 1.015)] * 2)
    assert shown[0] == "10 messages/s: 2 of 2 arrived"
    medians = [float(line.split()[-3]) for line in shown[2:]]
    assert medians == [1.0, 2.0, 4.0, 8.0, 15.0]


def test_a_run_in_which_nothing_arrived_has_no_numbers() -> None:
    assert report_lines(100, 2000, []) == ["100 messages/s: 0 of 2000 arrived"]


def test_the_processor_time_of_the_servers_is_added_up_without_that_of_the_others() -> None:
    assert processor_lines(
        {"nats": 1.25, "simulator": 4.0, "mongo": 2.0, "measuring client": 0.5}, {"mongo", "nats"}
    ) == [
        "  processor of one message, ms: 3.2 (nats 1.2, mongo 2.0)",
        "  apart from that: simulator 4.0, measuring client 0.5",
    ]
