"""Stanzas other than messages, and a library whose loop ends while its connection stays open."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.session.ipc.messages import ConnectionUpdate, EphemeralObserved, JournaledEvent, WorkerExited
from simulator.app import Simulator
from simulator.people import content
from simulator.people.contact import SimulatedContact
from simulator.people.notices import notices
from simulator.people.phone import SimulatedPhone
from simulator.server.accounts import Companion
from simulator.world import World
from tests.integration.session.worker.conftest import running_zygote
from tests.integration.session.worker.driver import WorkerDriver, ZygoteDriver
from tests.waiting import until

RECEIPTS = [
    "delivered",
    "sender",
    "read",
    "read-self",
    "played",
    "played-self",
    "inactive",
    "peer_msg",
    "hist_sync",
    "server-error",
    "enc_rekey_retry",
    "view",
    "of_tomorrow",
]


@pytest.fixture(scope="module")
async def module_poisoned_zygote(
    simulator: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ZygoteDriver]:
    module = "tests.integration.session.worker.poisoned_zygote"
    async with running_zygote(simulator, tmp_path_factory.mktemp("poisoned"), module=module) as zygote:
        yield zygote


@pytest.fixture
async def poisoned(module_poisoned_zygote: ZygoteDriver, tmp_path: Path) -> ZygoteDriver:
    """Without workers of earlier tests."""
    await module_poisoned_zygote.end_workers(tmp_path)
    return module_poisoned_zygote


@pytest.fixture
def bob(world: World) -> SimulatedContact:
    return world.add_contact(name="Bob")


def device(phone: SimulatedPhone) -> Companion:
    return phone.account.companions[1]


def events(entries: list[JournaledEvent], subject: str) -> list[dict[str, Any]]:
    return [json.loads(entry.body) for entry in entries if subject in entry.subject]


def poison(contact: SimulatedContact, phone: SimulatedPhone, number: int = 0) -> None:
    """A receipt at which the library's loop ends, when receipts are subscribed to."""
    contact.receipt(phone.account, [f"3EB0POISON{number}"], "server-error")


async def received_all(linked: WorkerDriver, bob: SimulatedContact, phone: SimulatedPhone) -> list[JournaledEvent]:
    """Bob writes a message; returns when it and everything before it has arrived."""
    wa_id, _ = bob.write(phone.account, content.text("after it all"))
    while not any(wa_id in entry.body for entry in linked.received_entries()):
        await linked.entries(len({entry.sequence for entry in linked.received_entries()}) + 1)
    return linked.received_entries()


async def test_no_type_of_receipt_disturbs_the_connection(
    phone: SimulatedPhone, linked: WorkerDriver, bob: SimulatedContact
) -> None:
    before = len(linked.frames)
    for number, kind in enumerate(RECEIPTS):
        bob.receipt(phone.account, [f"3EB0{number:04d}"], kind)
    entries = await received_all(linked, bob, phone)
    assert not [frame for frame in linked.frames[before:] if isinstance(frame, ConnectionUpdate)]
    assert device(phone).logins == 1
    statuses = {status for event in events(entries, "receipt") for status in [event["status"]]}
    assert statuses == {"delivered", "read", "played"}


async def test_no_notification_disturbs_the_connection(
    phone: SimulatedPhone, linked: WorkerDriver, bob: SimulatedContact
) -> None:
    before, delivery = len(linked.frames), bob.network.delivery
    for notice in notices(phone, bob).values():
        (delivery.deliver if notice.text("id") else delivery.deliver_if_online)(device(phone), notice)
    await received_all(linked, bob, phone)
    assert not [frame for frame in linked.frames[before:] if isinstance(frame, ConnectionUpdate)]
    assert device(phone).logins == 1
    states = {json.loads(frame.body).get("state") for frame in linked.frames if isinstance(frame, EphemeralObserved)}
    assert {"composing", "recording"} <= states


async def test_messages_read_elsewhere_are_reported_after_the_messages(
    phone: SimulatedPhone, linked: WorkerDriver, bob: SimulatedContact
) -> None:
    linked.stop()
    await linked.wait(ConnectionUpdate, event="stopped")
    ids = [bob.write(phone.account, content.text(f"text {number}"))[0] for number in range(40)]
    phone.read(bob.account, ids)
    linked.start(linked=True)
    entries = await linked.entries(len(ids) + 1)
    assert set(json.loads(entries[-1].body)["wa_ids"]) == set(ids)


async def test_a_connection_whose_loop_ended_is_closed_before_it_is_reported(
    poisoned: ZygoteDriver, phone: SimulatedPhone, bob: SimulatedContact
) -> None:
    worker = await poisoned.fork()
    await worker.link(phone)
    poison(bob, phone)
    interrupted = await worker.wait(ConnectionUpdate, event="interrupted")
    assert "Receipt.Type" in interrupted.reason
    await until(lambda: device(phone).connection is None)
    missed = [bob.write(phone.account, content.text(f"missed {number}"))[0] for number in range(5)]
    before = len(worker.frames)
    worker.start(linked=True)  # the receipt may come again, and then does no harm
    await worker.wait(ConnectionUpdate, since=before, event="connected")
    received = events(await worker.entries(len(missed)), "message")
    assert [event["wa_id"] for event in received] == missed
    assert not [f for f in worker.frames[before:] if isinstance(f, ConnectionUpdate) and f.event == "interrupted"]


async def test_an_account_stopped_while_its_loop_ends_is_offline(
    poisoned: ZygoteDriver, phone: SimulatedPhone, bob: SimulatedContact
) -> None:
    worker = await poisoned.fork()
    await worker.link(phone)
    poison(bob, phone)
    worker.stop()
    await worker.wait(ConnectionUpdate, event="stopped")
    await until(lambda: device(phone).connection is None)
    missed, _ = bob.write(phone.account, content.text("missed"))
    assert missed not in bob.network.delivery.ledger(phone.account.number).acknowledged_ids()


async def test_the_process_outlives_many_loops_that_end(
    poisoned: ZygoteDriver, world: World, bob: SimulatedContact
) -> None:
    worker = await poisoned.fork()
    phones = {f"account-{number}": world.add_phone() for number in range(8)}
    await asyncio.gather(*(worker.link(phone, name) for name, phone in phones.items()))
    before = len(worker.frames)
    for phone in phones.values():
        poison(bob, phone)
    for name in phones:
        await worker.wait(ConnectionUpdate, since=before, instance_id=name, event="interrupted")
        worker.start(name, linked=True)
    for name in phones:
        await worker.wait(ConnectionUpdate, since=before, instance_id=name, event="connected")
    assert not [frame for frame in poisoned.reader.frames if isinstance(frame, WorkerExited)]
