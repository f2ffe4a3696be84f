"""What the worker reports when WhatsApp refuses, disconnects or does not answer."""

import asyncio
from typing import Any

import pytest

from services.session.ipc.messages import ConnectionUpdate, LinkingCode
from simulator.people import content
from simulator.people.phone import SimulatedPhone
from simulator.protocol.node import element
from simulator.server.accounts import Faults
from simulator.world import World
from tests.integration.session.worker.driver import WorkerDriver, ZygoteDriver


async def _drop(phone: SimulatedPhone) -> None:
    await phone.account.companions[1].connection.close()


@pytest.mark.parametrize(
    ("failure", "state", "reason"),
    [
        ({"reason": "401", "location": "cln"}, "logged_out", "logged_out"),
        ({"reason": "403"}, "logged_out", "main_device_gone"),
        ({"reason": "402", "code": "101", "expire": "3600"}, "restricted", "send_to_too_many_people"),
        ({"reason": "405"}, "outdated", None),
        ({"reason": "402", "code": "107", "expire": "3600"}, "restricted", "code 107"),
        ({"reason": "400", "message": "bad"}, "refused", "400 generic: bad"),
        ({"reason": "404"}, "refused", "404 not_found"),
        ({"reason": "413"}, "refused", "413 token_expired"),
        ({"reason": "418", "location": "cln"}, "refused", "418 client_unknown"),
        ({"reason": "999"}, "refused", "999"),
    ],
)
async def test_a_refused_login_has_its_event_and_reason(
    phone: SimulatedPhone, linked: WorkerDriver, failure: dict[str, str], state: str, reason: str | None
) -> None:
    phone.account.faults = Faults(fail_login=failure)
    await _drop(phone)
    update = await linked.wait(ConnectionUpdate, event=state)
    assert update.reason == reason
    assert (update.until is not None) == (state == "restricted")


async def test_an_account_that_ended_can_be_started_again_in_the_same_worker(
    phone: SimulatedPhone, linked: WorkerDriver
) -> None:
    phone.account.faults = Faults(fail_login={"reason": "405"})
    await _drop(phone)
    await linked.wait(ConnectionUpdate, event="outdated")
    phone.account.faults, before = Faults(), len(linked.frames)
    linked.start(linked=True)
    await linked.wait(ConnectionUpdate, since=before, event="connected")


async def test_a_lost_connection_is_restored_by_the_library(phone: SimulatedPhone, linked: WorkerDriver) -> None:
    before = len(linked.frames)
    await _drop(phone)
    await linked.wait(ConnectionUpdate, since=before, event="disconnected")
    await linked.wait(ConnectionUpdate, since=before, event="connected")


async def test_a_device_unlinked_on_the_phone_is_logged_out(
    world: World, phone: SimulatedPhone, linked: WorkerDriver
) -> None:
    connection = phone.account.companions[1].connection
    connection.send(element("stream:error", {"code": "401"}, element("conflict", {"type": "device_removed"})))
    await linked.wait(ConnectionUpdate, event="logged_out")


async def test_another_client_with_the_same_keys_replaces_the_connection(
    phone: SimulatedPhone, linked: WorkerDriver
) -> None:
    connection = phone.account.companions[1].connection
    connection.send(element("stream:error", None, element("conflict", {"type": "replaced"})))
    await linked.wait(ConnectionUpdate, event="replaced")


async def test_a_network_that_cannot_be_reached_is_reported(world: World, worker: WorkerDriver) -> None:
    world.network.faults.refuse_connections = True
    worker.start()
    unreachable = await worker.wait(ConnectionUpdate, event="unreachable")
    assert unreachable.reason


async def test_a_pairing_code_for_an_unregistered_number_ends_the_pairing(worker: WorkerDriver) -> None:
    worker.start(method="code", phone_number="4915199999999")
    assert (await worker.wait(ConnectionUpdate, event="pairing_failed")).reason


async def test_stopping_while_a_qr_code_is_shown_leaves_the_worker_usable(
    phone: SimulatedPhone, worker: WorkerDriver
) -> None:
    worker.start()
    await worker.wait(LinkingCode)
    worker.stop()
    await worker.wait(ConnectionUpdate, event="stopped")
    before = len(worker.frames)
    worker.start()
    await phone.scan((await worker.wait(LinkingCode, since=before)).code)
    await worker.wait(ConnectionUpdate, event="connected")


async def test_a_stop_of_an_unknown_instance_is_reported(worker: WorkerDriver) -> None:
    worker.stop("nobody")
    await worker.wait(ConnectionUpdate, instance_id="nobody", event="stopped")


async def test_every_outcome_of_a_send_has_its_code(world: World, phone: SimulatedPhone, linked: WorkerDriver) -> None:
    bob = world.add_contact()
    phone.account.faults = Faults(message_error=463)
    refused = await linked.send(bob.account.number, "refused", "m1")
    phone.account.faults = Faults()
    unknown = await linked.send("4915199999999", "nobody there", "m2")
    accepted = await linked.send(bob.account.number, "hello", "m3")
    phone.account.faults = Faults(hold_message_acks=True)
    unanswered = await linked.send(bob.account.number, "no answer", "m4", timeout=0.5)
    behind = await linked.send(bob.account.number, "behind it", "m5", timeout=0.5)
    assert [(result.outcome, result.code) for result in (refused, unknown, accepted, unanswered, behind)] == [
        ("failed", "new_chats_restricted"),
        ("failed", "not_on_whatsapp"),
        ("accepted", None),
        ("unconfirmed", "timeout"),
        ("failed", "timeout"),
    ]
    linked.stop()
    await linked.wait(ConnectionUpdate, event="stopped")
    gone = await linked.send(bob.account.number, "too late", "m6")
    assert (gone.outcome, gone.code) == ("failed", "not_connected")
    texts = [message["text"] for message in await bob.inbox.after(0, wait=0)]
    assert texts == ["hello", "no answer"]


async def test_an_unanswered_send_of_one_account_does_not_block_another(
    world: World, phone: SimulatedPhone, linked: WorkerDriver
) -> None:
    bob, other = world.add_contact(), world.add_phone("4915112345679", "Berta")
    phone.account.faults = Faults(hold_message_acks=True)
    pending = asyncio.create_task(linked.send(bob.account.number, "no answer", "m1", timeout=30))
    await bob.inbox.after(0, wait=10)
    await linked.link(other, "support")
    assert not pending.done()
    pending.cancel()


async def test_accounts_of_one_worker_connect_and_stop_while_others_receive(
    world: World, zygote: ZygoteDriver, worker: WorkerDriver
) -> None:
    names = [f"account-{number}" for number in range(8)]
    phones = [world.add_phone() for _ in names]
    bob = world.add_contact()
    await asyncio.gather(*(worker.link(phone, name) for phone, name in zip(phones, names, strict=True)))
    wa_ids = [bob.write(phone.account, content.text(f"{turn}"))[0] for turn in range(20) for phone in phones]
    for name in names[::2]:
        worker.stop(name)
    await asyncio.gather(*(worker.wait(ConnectionUpdate, instance_id=name, event="stopped") for name in names[::2]))
    before = len(worker.frames)
    for name in names[::2]:
        worker.start(name, linked=True)
    for name in names[::2]:
        await worker.wait(ConnectionUpdate, since=before, instance_id=name, event="connected")
    entries = await worker.entries(len(wa_ids))
    assert {_wa_id(entry) for entry in entries} == set(wa_ids)


def _wa_id(entry: Any) -> str:
    return str(entry.body).split('"wa_id":"')[1].split('"')[0]
