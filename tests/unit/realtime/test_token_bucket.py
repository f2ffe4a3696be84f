"""How much one socket may ask."""

from services.realtime.token_bucket import Bucket


def test_a_burst_is_free_and_what_follows_waits_its_turn() -> None:
    bucket = Bucket(rate=4, burst=3, left=3, at=100.0)
    assert [bucket.wait(100.0) for _ in range(4)] == [0, 0, 0, 0.25]
    assert bucket.wait(100.25) == 0
    assert bucket.wait(100.25) == 0.25


def test_a_refusal_costs_nothing_and_a_rest_fills_no_more_than_the_burst() -> None:
    bucket = Bucket(rate=1, burst=2, left=0, at=0.0)
    assert [bucket.wait(0.5) for _ in range(3)] == [0.5, 0.5, 0.5]
    assert [bucket.wait(1000.0) for _ in range(3)] == [0, 0, 1]


def test_a_clock_that_stands_still_gives_nothing() -> None:
    bucket = Bucket(rate=1, burst=1, left=0, at=5.0)
    assert bucket.wait(5.0) == 1
    assert bucket.wait(4.0) == 1
