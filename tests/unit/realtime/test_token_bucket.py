"""The token bucket."""

from services.realtime.token_bucket import TokenBucket


def test_after_a_burst_tokens_come_at_the_rate() -> None:
    bucket = TokenBucket(rate=4, burst=3, tokens=3, updated_at=100.0)
    assert [bucket.take(100.0) for _ in range(4)] == [0, 0, 0, 0.25]
    assert bucket.take(100.25) == 0
    assert bucket.take(100.25) == 0.25


def test_a_refusal_costs_nothing_and_the_bucket_holds_no_more_than_the_burst() -> None:
    bucket = TokenBucket(rate=1, burst=2, tokens=0, updated_at=0.0)
    assert [bucket.take(0.5) for _ in range(3)] == [0.5, 0.5, 0.5]
    assert [bucket.take(1000.0) for _ in range(3)] == [0, 0, 1]


def test_without_time_passing_there_are_no_tokens() -> None:
    bucket = TokenBucket(rate=1, burst=1, tokens=0, updated_at=5.0)
    assert bucket.take(5.0) == 1
    assert bucket.take(4.0) == 1
