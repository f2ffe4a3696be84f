"""Retries during an outage."""

import logging

import pytest

from shared.platform import retries
from shared.platform.retries import retry_during_outage


class Operation:
    """Raises these errors, one with each call, then returns the number of calls."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.calls = list(errors), 0

    async def __call__(self) -> int:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.calls


async def test_an_operation_is_called_again_until_the_outage_ends() -> None:
    assert await retry_during_outage("a write", Operation(ConnectionError("away"), TimeoutError()), delay_s=0) == 3


async def test_any_other_error_is_raised() -> None:
    operation = Operation(ConnectionError(), KeyError("a bug"))
    with pytest.raises(KeyError):
        await retry_during_outage("a write", operation, delay_s=0)
    assert operation.calls == 2


@pytest.mark.parametrize(("interval_s", "lines"), [(3600.0, 1), (0.0, 20)])
async def test_an_outage_is_logged_once_in_each_interval(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, interval_s: float, lines: int
) -> None:
    monkeypatch.setattr(retries, "LOG_INTERVAL_S", interval_s)
    with caplog.at_level(logging.WARNING, retries.__name__):
        await retry_during_outage("a write", Operation(*[ConnectionError("away")] * 20), delay_s=0)
    assert len(caplog.messages) == lines
    assert caplog.messages[0] == "a write: MongoDB or NATS is unreachable, retrying (away)"
