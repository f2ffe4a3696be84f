"""The same history in any order and with repeats ends in the same state."""

import random
from typing import Any

import pytest

from shared.contracts.events import MessageFailed
from shared.contracts.message import Message
from shared.platform.mongo import Database
from tests.integration.router.conftest import (
    ME,
    ONE,
    ORG,
    START,
    Router,
    command,
    open_router,
    outcome,
    receipt,
    received,
)

CHANGING = {"created_at", "updated_at", "updated_by", "history"}


def commands() -> list[Message]:
    """What has to be recorded before results of it can arrive."""
    return [received("A0"), *(command(f"m{n}", at=START) for n in range(4))]


def history() -> list[Message]:
    failure = MessageFailed(
        organization_id=ORG, instance_id=ONE, id="failed", at=START, message_id="m3", code="no_route", detail="why"
    )
    inbound = [received(f"A{n}", minute=n) for n in range(1, 5)]
    typed = received("B1", ME, chat=inbound[0].sender, from_me=True, minute=9)
    sent = [outcome(f"m{n}", f"W{n}") for n in range(3)]
    receipts = [
        receipt("delivered", "W0"),
        receipt("read", "W0", "W1"),
        receipt("delivered", "W1"),
        receipt("read", "B1"),
    ]
    return [*inbound, typed, *sent, failure, *receipts, receipt("read", "B1")]


async def end_of(router: Router, events: list[Message]) -> dict[str, list[dict[str, Any]]]:
    for event in [*commands(), *events]:
        await router.deliver(event)
    state = await router.state()
    del state["receipts"]  # kept only when they came early
    return {name: [{k: v for k, v in row.items() if k not in CHANGING} for row in rows] for name, rows in state.items()}


@pytest.mark.parametrize("seed", range(12), indirect=True)
async def test_any_order_with_repeats_ends_the_same(router_database: Database, seed: int) -> None:
    chance = random.Random(seed)
    mixed = history() + chance.choices(history(), k=10)
    chance.shuffle(mixed)
    async with open_router(router_database) as router:
        expected = await end_of(router, history())
    async with open_router(router_database) as router:
        assert await end_of(router, mixed) == expected
