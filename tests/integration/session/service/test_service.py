"""An instance is linked by a scan, sends and receives, and reconnects after every kind of crash."""

import os
import signal

import psutil

from shared.contracts.events import ConnectionChanged, MessageReceived, MessageSent, QrIssued
from shared.contracts.records import ConnectionStatus as S
from simulator.app import Simulator
from simulator.people import content
from simulator.people.phone import SimulatedPhone
from tests.integration.session.service.service import INSTANCE, SessionService
from tests.waiting import until


async def test_messages_travel_both_ways(service: SessionService, simulator: Simulator, phone: SimulatedPhone) -> None:
    await service.link(phone)
    bob = simulator.world.add_contact(name="Bob")
    wa_id, _ = bob.write(phone.account, content.text("hello"))
    received = await service.event(MessageReceived, wa_id=wa_id)
    assert (received.text, received.push_name) == ("hello", "Bob")
    await service.send("m1", bob.account.number, "hi")
    sent = await service.event(MessageSent, message_id="m1")
    (got,) = await bob.inbox.after(0, wait=10)
    assert (got["id"], got["text"]) == (sent.wa_id, "hi")


async def test_the_instances_of_a_killed_worker_reconnect(
    service: SessionService, simulator: Simulator, phone: SimulatedPhone
) -> None:
    await service.link(phone)
    (worker,) = await service.workers()
    assert worker["instances"] == [INSTANCE]
    before = len(service.events)
    os.kill(worker["pid"], signal.SIGKILL)
    await service.event(ConnectionChanged, since=before, status=S.RECONNECTING)
    await service.event(ConnectionChanged, since=before, status=S.CONNECTED)
    wa_id, _ = simulator.world.add_contact().write(phone.account, content.text("still there?"))
    await service.event(MessageReceived, wa_id=wa_id)
    (successor,) = await service.workers()
    assert successor["pid"] != worker["pid"]


async def test_a_killed_service_reconnects_without_a_scan_and_without_its_old_workers(
    service: SessionService, simulator: Simulator, phone: SimulatedPhone
) -> None:
    await service.link(phone)
    bob, before = simulator.world.add_contact(), len(service.events)
    await service.stop_with(signal.SIGKILL)
    wa_ids = [bob.write(phone.account, content.text(f"text {number}"))[0] for number in range(10)]
    await service.start_process()
    for wa_id in wa_ids:
        await service.event(MessageReceived, since=before, wa_id=wa_id)
    assert {event.wa_id for event in service.events_of(MessageReceived)} == set(wa_ids)
    assert len(service.events_of(MessageReceived)) == len(wa_ids)
    assert len(service.events_of(QrIssued)) == 1


async def test_a_stopped_service_closes_its_connections_in_order(
    service: SessionService, phone: SimulatedPhone
) -> None:
    await service.link(phone)
    (worker,) = await service.workers()
    await service.stop_with(signal.SIGTERM)
    await until(lambda: not psutil.pid_exists(worker["pid"]))
    await service.event(ConnectionChanged, status=S.RECONNECTING, reason="service_stopping")
    before = len(service.events)
    await service.start_process()
    await service.event(ConnectionChanged, since=before, status=S.CONNECTED)


async def test_an_instance_unlinked_on_the_phone_is_logged_out_and_can_be_linked_again(
    service: SessionService, simulator: Simulator, phone: SimulatedPhone
) -> None:
    await service.link(phone)
    simulator.world.service.login_handler.unlink(phone.account.companions[1])
    gone = await service.event(ConnectionChanged, status=S.LOGGED_OUT)
    assert (gone.reason, gone.will_retry) == ("logged_out", False)
    assert gone.detail
    before = len(service.events)
    await service.link(phone, since=before)
    assert len(service.events_of(QrIssued)) == 2


async def test_a_second_node_with_another_folder_refuses_to_start_and_the_first_keeps_running(
    service: SessionService, second: SessionService, simulator: Simulator, phone: SimulatedPhone
) -> None:
    await service.link(phone)
    before = len(service.events)
    assert await second.exit_code_of_refused_start() != 0
    assert "runs with another data folder" in second.log()
    wa_id, _ = simulator.world.add_contact().write(phone.account, content.text("still there?"))
    await service.event(MessageReceived, wa_id=wa_id)
    assert not [e for e in service.events[before:] if isinstance(e, ConnectionChanged)]


async def test_a_second_process_with_the_same_folder_refuses_to_start(
    service: SessionService, same_folder: SessionService
) -> None:
    assert await same_folder.exit_code_of_refused_start() != 0
    assert "only one may run" in same_folder.log()
    assert await service.ready()
