"""How the library addresses the contacts we write to (docs/decisions/0046)."""

import asyncio
from typing import Any

from simulator.people import content
from simulator.people.phone import SimulatedPhone
from simulator.world import World
from tests.integration.session.worker.driver import TIMEOUT_S, WorkerDriver


async def test_a_text_to_a_number_is_sent_to_its_lid_in_the_only_session(
    world: World, phone: SimulatedPhone, linked: WorkerDriver
) -> None:
    """The library asks WhatsApp for the LID of a number; a second session would show "waiting for this message"."""
    bob = world.add_contact(name="Bob")
    bob.write(phone.account, content.text("hello"))
    await linked.confirm_entries(1)
    addresses = (bob.account.number, f"{bob.account.lid.user}@lid", bob.account.number)
    for number, to in enumerate(addresses):
        result = await linked.send(to, f"text {number}", f"m{number}")
        assert result.outcome == "accepted", result
    received: list[dict[str, Any]] = []
    async with asyncio.timeout(TIMEOUT_S):
        while len(received) < len(addresses):
            received = await bob.inbox.after(0, wait=1)
    assert [(entry["text"], entry["type"]) for entry in received] == [(f"text {number}", "msg") for number in range(3)]
    ledger = world.network.delivery.ledger(phone.account.number)
    assert [entry["address"] for entry in ledger.received] == [str(bob.account.lid)] * 3
