"""How long commands wait: every one has a line, and is late only when its time is over."""

from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.command_lifetimes import LIFETIMES, is_late, too_late
from shared.contracts.commands import (
    SEND_EXPIRY,
    ConnectInstance,
    DisconnectInstance,
    LogoutInstance,
    MarkRead,
    SendText,
)
from shared.contracts.message import Command, utc_now
from shared.contracts.records import Party
from shared.contracts.registry import COMMANDS

MOMENT = timedelta(seconds=1)
TEXT: dict[str, Any] = {"message_id": "m", "to": Party(phone="4915112345678"), "text": "hello"}


def test_every_command_has_a_lifetime_and_who_learns_of_its_end() -> None:
    """Decide for a new command what becomes of it when its owner was away for a day."""
    assert set(LIFETIMES) == set(COMMANDS.values())
    for command, lifetime in LIFETIMES.items():
        assert lifetime.reason, command
        assert bool(lifetime.effect) is (lifetime.max_age is not None), command


@pytest.mark.parametrize("command", [ConnectInstance, MarkRead])
def test_a_command_is_late_when_its_lifetime_is_over(command: type[Command]) -> None:
    limit, now = LIFETIMES[command].max_age, utc_now()
    assert limit is not None
    common: dict[str, Any] = {"organization_id": "acme", "instance_id": "one"}
    common |= {"wa_ids": ("A",), "sender": Party(phone="4915112345678")} if command is MarkRead else {}
    assert not is_late(command(**common, at=now - limit + MOMENT), now)
    assert is_late(command(**common, at=now - limit), now)


@pytest.mark.parametrize("command", [DisconnectInstance, LogoutInstance])
def test_what_takes_access_away_is_never_late(command: type[Command]) -> None:
    now = utc_now()
    assert not is_late(command(organization_id="acme", instance_id="one", at=now - timedelta(days=6)), now)


def test_a_text_has_the_time_its_sender_said() -> None:
    now = utc_now()
    of = {"organization_id": "acme", "instance_id": "one", **TEXT}
    assert not is_late(SendText(**of, at=now - timedelta(days=1), expires_at=now + MOMENT), now)
    assert is_late(SendText(**of, at=now, expires_at=now), now)
    assert is_late(SendText(**of, at=now - SEND_EXPIRY), now)


def test_a_refusal_says_when_it_was_asked() -> None:
    command = ConnectInstance(organization_id="acme", instance_id="one")
    problem = too_late(command)
    assert (problem.status, problem.code) == (409, "too_late")
    assert command.at.isoformat(timespec="seconds") in problem.detail
