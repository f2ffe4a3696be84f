"""Linking, restarting and unlinking the real neonize."""

from pathlib import Path
from typing import Any

import pytest

from simulator.people import content
from simulator.people.phone import SimulatedPhone, WrongPhoneState
from simulator.protocol.link_code import WrongCode
from simulator.world import World
from tests.waiting import until


async def test_a_restart_of_the_client_needs_no_second_scan(start: Any, phone: SimulatedPhone, linked: Any) -> None:
    await linked.kill()
    again = await start()
    await again.event("Connected")
    assert not [event for event in again.events if event["ev"] == "qr"]
    assert phone.account.companions[1].logins == 2


async def test_a_qr_code_works_once_and_an_invalid_one_is_explained(start: Any, phone: SimulatedPhone) -> None:
    neonize = await start()
    code = (await neonize.event("qr"))["code"]
    with pytest.raises(ValueError, match="not a WhatsApp QR text"):
        await phone.scan("hello")
    await phone.scan(code)
    with pytest.raises(WrongPhoneState, match="expired"):
        await phone.scan(code)


async def test_the_eight_character_code_links_after_a_wrong_one_was_refused(start: Any, phone: SimulatedPhone) -> None:
    with pytest.raises(WrongPhoneState, match="no device has asked"):
        await phone.enter_code("ABCD-EFGH")
    neonize = await start()
    await neonize.event("qr")
    code = await neonize.call("pair_code", phone=phone.account.number)
    assert phone.code_requested
    with pytest.raises(WrongCode):
        await phone.enter_code("AAAA-AAAA")
    code = await neonize.call("pair_code", phone=phone.account.number)
    companion = await phone.enter_code(code)
    await neonize.event("Connected")
    assert list(phone.account.companions) == [companion.device]
    assert not phone.code_requested


async def test_messages_wait_for_a_killed_client_and_none_is_lost(
    start: Any, world: World, phone: SimulatedPhone, linked: Any
) -> None:
    bob = world.add_contact(name="Bob")
    before, _ = bob.write(phone.account, content.text("before"))
    await linked.event("Message", id=before)
    ledger = world.network.delivery.ledger(phone.account.number)
    await until(lambda: ledger.counts()["pending"] == 0)
    await linked.kill()
    await until(lambda: phone.account.companions[1].connection is None)
    ids = [bob.write(phone.account, content.text(f"while away {number}"))[0] for number in range(10)]
    assert ledger.counts()["pending"] == 10
    again = await start()
    for message_id in ids:
        await again.event("Message", id=message_id)
    await until(lambda: ledger.acknowledged_ids() == [before, *ids])


async def test_sent_but_unacknowledged_messages_are_delivered_again(
    world: World, phone: SimulatedPhone, linked: Any
) -> None:
    bob, companion = world.add_contact(name="Bob"), phone.account.companions[1]
    await until(lambda: companion.active)
    connection = companion.connection
    message_id, _ = bob.write(phone.account, content.text("cut off on the way"))
    await connection.close(abrupt=True)
    await linked.event("Message", id=message_id)
    ledger = world.network.delivery.ledger(phone.account.number)
    await until(lambda: ledger.acknowledged_ids() == [message_id])


async def test_unlinking_on_the_phone_logs_the_client_out(world: World, phone: SimulatedPhone, linked: Any) -> None:
    world.service.login_handler.unlink(phone.account.companions[1])
    await linked.event("LoggedOut")
    assert phone.account.companions == {}


async def test_logging_out_in_the_client_removes_the_device(phone: SimulatedPhone, linked: Any) -> None:
    await linked.call("logout")
    await until(lambda: phone.account.companions == {})


async def test_a_restart_of_the_simulator_keeps_devices_sessions_and_waiting_messages(
    start: Any, world: World, phone: SimulatedPhone, linked: Any, tmp_path: Path
) -> None:
    bob = world.add_contact(name="Bob")
    first, _ = bob.write(phone.account, content.text("first"))
    await linked.event("Message", id=first)
    await linked.kill()
    waiting, _ = bob.write(phone.account, content.text("waiting"))
    await world.stop()
    restarted = World(tmp_path / "simulator", seed=1)
    assert restarted.noise_root == world.noise_root
    await restarted.start(world.proxy_port)
    try:
        again = await start()
        assert (await again.event("Message", id=waiting))["text"] == "waiting"
        anna = restarted.phones[phone.account.number].account
        later, _ = restarted.contacts[bob.account.number].write(anna, content.text("later"))
        assert (await again.event("Message", id=later))["text"] == "later"
        await again.call("send", to=bob.account.number, text="answer")
        got = await restarted.contacts[bob.account.number].inbox.after(0, wait=10)
        assert [item["text"] for item in got] == ["answer"]
        assert not [event for event in again.events if event["ev"] == "qr"]
    finally:
        await restarted.stop()
