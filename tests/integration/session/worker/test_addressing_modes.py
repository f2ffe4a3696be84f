"""How the library addresses the people we write to (docs/decisions/0046)."""

import asyncio
from typing import Any

from simulator.people import content
from simulator.people.phone import SimulatedPhone
from simulator.world import World
from tests.integration.session.worker.driver import PATIENCE, WorkerDriver


async def test_a_number_is_written_to_by_its_lid_in_the_one_session_there_is(
    world: World, phone: SimulatedPhone, linked: WorkerDriver
) -> None:
    """The library asks WhatsApp for the LID of a number; a second session would show "waiting for this message"."""
    bob = world.add_contact(name="Bob")
    bob.write(phone.account, content.text("hello"))
    await linked.publish_all(1)
    addresses = (bob.account.number, f"{bob.account.lid.user}@lid", bob.account.number)
    for number, to in enumerate(addresses):
        sent = await linked.send(to, f"text {number}", f"m{number}")
        assert sent.outcome == "accepted", sent
    got: list[dict[str, Any]] = []
    async with asyncio.timeout(PATIENCE):
        while len(got) < len(addresses):
            got = await bob.inbox.after(0, wait=1)
    assert [(entry["text"], entry["type"]) for entry in got] == [(f"text {number}", "msg") for number in range(3)]
    ledger = world.network.delivery.ledger(phone.account.number)
    assert [entry["address"] for entry in ledger.received] == [str(bob.account.lid)] * 3
