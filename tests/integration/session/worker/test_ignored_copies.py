"""WhatsApp delivers a message again that the library has decrypted before, because its acknowledgement got lost."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from services.session.ipc.messages import ConnectionUpdate, WorkerExited
from simulator.people import content
from simulator.people.phone import SimulatedPhone
from simulator.server.delivery import StanzaQueues
from simulator.world import World
from tests.integration.session.worker.driver import INSTANCE, WorkerDriver, ZygoteDriver


@pytest.fixture
def no_acknowledgement_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StanzaQueues, "acknowledge", lambda *_: None)


async def restarted(zygote: ZygoteDriver, linked: WorkerDriver) -> WorkerDriver:
    linked.kill()
    await zygote.reader.wait(WorkerExited)
    second = await zygote.fork()
    second.start(linked=True)
    await second.wait(ConnectionUpdate, event="connected")
    return second


def bodies(worker: WorkerDriver) -> list[dict[str, Any]]:
    return [json.loads(entry.body) for entry in worker.received_entries()]


def forget_received(folder: Path) -> None:
    """As if the process had been killed before it wrote to the journal."""
    (journal,) = folder.rglob(f"{INSTANCE}/journal.sqlite")
    with sqlite3.connect(journal) as database:
        database.execute("DELETE FROM entries")
        database.execute("DELETE FROM received")
    database.close()


@pytest.mark.usefixtures("no_acknowledgement_arrives")
async def test_a_copy_of_a_message_that_was_journaled_is_no_event(
    world: World, phone: SimulatedPhone, zygote: ZygoteDriver, linked: WorkerDriver
) -> None:
    bob = world.add_contact()
    for number in range(3):
        bob.write(phone.account, content.text(f"text {number}"))
    before = {entry["wa_id"] for entry in map(lambda entry: json.loads(entry.body), await linked.confirm_entries(3))}
    second = await restarted(zygote, linked)
    new, _ = bob.write(phone.account, content.text("new"))
    await second.entries(1)
    while new not in {body["wa_id"] for body in bodies(second)}:
        await second.entries(len(bodies(second)) + 1)
    assert {body["type"] for body in bodies(second)} == {"text"}  # an entry may not have been removed before the kill
    assert {body["wa_id"] for body in bodies(second)} <= {new, *before}


@pytest.mark.usefixtures("no_acknowledgement_arrives")
async def test_a_copy_of_a_message_that_only_the_killed_process_had_is_one_that_cannot_be_read(
    world: World, phone: SimulatedPhone, zygote: ZygoteDriver, linked: WorkerDriver, tmp_path: Path
) -> None:
    bob = world.add_contact()
    lost, _ = bob.write(phone.account, content.text("only the library had this"))
    await linked.confirm_entries(1)
    linked.kill()
    await zygote.reader.wait(WorkerExited)
    forget_received(tmp_path)
    second = await zygote.fork()
    second.start(linked=True)
    await second.entries(1)
    (body,) = bodies(second)
    assert (body["wa_id"], body["type"], body["text"]) == (lost, "undecryptable", None)
    assert body["sender"]["lid"] == bob.account.lid_user
