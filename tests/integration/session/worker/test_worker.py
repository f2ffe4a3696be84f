"""Real zygote, real workers, the real neonize, a simulated WhatsApp."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

from services.session.ipc.messages import (
    ConnectionUpdate,
    EphemeralObserved,
    EventsConfirmed,
    JournaledEvent,
    LinkingCode,
    LookUpNumber,
    NumberLookupResult,
    ReadReceiptsResult,
    SendPresence,
    SendReadReceipts,
    WorkerExited,
)
from shared.contracts.message import utc_now
from simulator.people import content
from simulator.people.contact import SimulatedContact
from simulator.people.phone import SimulatedPhone
from simulator.world import World
from tests.integration.session.worker.driver import INSTANCE, TIMEOUT_S, WorkerDriver, ZygoteDriver
from tests.waiting import until


async def test_an_account_is_linked_by_qr(worker: WorkerDriver, phone: SimulatedPhone) -> None:
    worker.start()
    code = await worker.wait(LinkingCode)
    assert (code.kind, code.attempt) == ("qr", 1)
    assert code.data_url.startswith("data:image/png;base64,")
    await phone.scan(code.code)
    paired = await worker.wait(ConnectionUpdate, event="paired")
    connected = await worker.wait(ConnectionUpdate, event="connected")
    number = phone.account.number
    assert (paired.phone_number, connected.phone_number) == (number, number)
    assert connected.jid == f"{number}:1@s.whatsapp.net"
    assert connected.lid == phone.account.lid.user


async def test_an_account_is_linked_by_a_pairing_code(worker: WorkerDriver, phone: SimulatedPhone) -> None:
    worker.start(method="code", phone_number=phone.account.number)
    code = await worker.wait(LinkingCode)
    assert (code.kind, code.code[4]) == ("code", "-")
    await phone.enter_code(code.code)
    await worker.wait(ConnectionUpdate, event="connected")


async def test_texts_and_receipts_are_sent_and_received(
    world: World, phone: SimulatedPhone, linked: WorkerDriver
) -> None:
    bob = world.add_contact(name="Bob")
    bob.account.auto_receipts = ["delivered", "read"]
    wa_id, _ = bob.write(phone.account, content.text("hello"))
    (entry,) = await linked.confirm_entries(1)
    event = json.loads(entry.body)
    assert (event["wa_id"], event["text"], event["push_name"]) == (wa_id, "hello", "Bob")
    assert event["sender"] == {"phone": bob.account.number, "lid": bob.account.lid.user}
    assert entry.subject == "wa.event.message.received.acme.sales"
    sent = await linked.send(bob.account.number, "hi", "m1")
    assert sent.outcome == "accepted"
    (received,) = await bob.inbox.after(0, wait=10)
    assert (received["id"], received["text"]) == (sent.wa_id, "hi")
    receipts = [json.loads(entry.body) for entry in (await linked.confirm_entries(3))[1:]]
    assert {(receipt["status"], *receipt["wa_ids"]) for receipt in receipts} == {
        ("delivered", sent.wa_id),
        ("read", sent.wa_id),
    }
    answer = await linked.send(f"{bob.account.lid.user}@lid", "by lid", "m2")
    assert answer.outcome == "accepted", answer


async def test_a_brazilian_number_is_looked_up_in_either_variant(world: World, linked: WorkerDriver) -> None:
    ze = world.add_contact("554799887766")
    for call_id, number in enumerate(("5547999887766", "554799887766", "5547999887700")):
        linked.send_frame(LookUpNumber(instance_id=INSTANCE, call_id=str(call_id), phone_number=number))
    results = [await linked.wait(NumberLookupResult, call_id=str(call_id)) for call_id in range(3)]
    ze_addresses = (ze.account.number, ze.account.lid.user, None)
    assert [(answer.phone, answer.lid, answer.error) for answer in results] == [
        ze_addresses,
        ze_addresses,
        (None, None, None),
    ]


async def test_unconfirmed_entries_are_sent_again_by_the_next_worker(
    world: World, phone: SimulatedPhone, zygote: ZygoteDriver, linked: WorkerDriver
) -> None:
    bob = world.add_contact()
    for number in range(3):
        bob.write(phone.account, content.text(f"text {number}"))
    first = await linked.entries(3)
    linked.send_frame(confirm(first[0]))
    linked.kill()
    exited = await zygote.reader.wait(WorkerExited)
    assert exited.status == -9
    second = await zygote.fork()
    second.start(linked=True)
    repeated = await second.entries(2)
    if repeated[0].sequence == first[0].sequence:  # the worker was killed before it read the confirmation
        repeated = (await second.entries(3))[1:]
    assert [json.loads(entry.body)["text"] for entry in repeated] == ["text 1", "text 2"]
    assert {json.loads(entry.body)["id"] for entry in repeated} <= {json.loads(entry.body)["id"] for entry in first}
    await second.wait(ConnectionUpdate, event="connected")


async def test_a_stopped_account_starts_again_without_a_scan(phone: SimulatedPhone, linked: WorkerDriver) -> None:
    linked.stop()
    await linked.wait(ConnectionUpdate, event="stopped")
    before = len(linked.frames)
    linked.start(linked=True)
    await linked.wait(ConnectionUpdate, since=before, event="connected")
    assert not [frame for frame in linked.frames[before:] if isinstance(frame, LinkingCode)]


async def test_logging_out_unlinks_the_device_and_deletes_its_keys(
    phone: SimulatedPhone, linked: WorkerDriver, tmp_path: Path
) -> None:
    linked.stop(logout=True)
    stopped = await linked.wait(ConnectionUpdate, event="stopped")
    assert stopped.reason is None
    assert not phone.account.companions.get(1)
    assert not list((tmp_path / "sales").glob("device.sqlite*"))
    before = len(linked.frames)
    linked.start(linked=True)
    await linked.wait(ConnectionUpdate, since=before, event="keys_missing")


async def test_two_workers_never_connect_one_account(
    phone: SimulatedPhone, zygote: ZygoteDriver, linked: WorkerDriver
) -> None:
    second = await zygote.fork()
    second.start(linked=True)
    await asyncio.sleep(1)
    assert second.frames == []
    linked.stop()
    await second.wait(ConnectionUpdate, event="connected")
    assert not [frame for frame in linked.frames if isinstance(frame, ConnectionUpdate) and frame.event == "replaced"]


async def test_a_worker_without_its_supervisor_closes_its_connections_and_ends(
    phone: SimulatedPhone, zygote: ZygoteDriver, linked: WorkerDriver
) -> None:
    linked.writer.close()
    exited = await zygote.reader.wait(WorkerExited)
    assert exited.status == 0
    await until(lambda: phone.account.companions[1].connection is None)


async def test_a_worker_that_quits_loses_no_message(
    world: World, phone: SimulatedPhone, zygote: ZygoteDriver, linked: WorkerDriver
) -> None:
    bob = world.add_contact()
    wa_ids = [bob.write(phone.account, content.text(f"text {number}"))[0] for number in range(60)]
    ledger = world.network.delivery.ledger(phone.account.number)
    await linked.quit()
    second = await zygote.fork()
    second.start(linked=True)
    await second.wait(ConnectionUpdate, event="connected")
    await until(lambda: len(ledger.acknowledged_ids()) == len(wa_ids))
    await until(
        lambda: (
            set(wa_ids)
            <= {json.loads(entry.body)["wa_id"] for entry in linked.received_entries() + second.received_entries()}
        )
    )


def confirm(entry: JournaledEvent) -> EventsConfirmed:
    return EventsConfirmed(instance_id=entry.instance_id, sequence=entry.sequence)


async def test_typing_presence_and_read_receipts_are_sent_and_received(
    world: World, phone: SimulatedPhone, linked: WorkerDriver
) -> None:
    bob = world.add_contact(name="Bob")
    companion, address = phone.account.companions[1], f"{bob.account.lid.user}@lid"

    def send_presence(what: str) -> None:
        until_time = utc_now() + timedelta(seconds=10)
        linked.send_frame(
            SendPresence.model_validate({"instance_id": INSTANCE, "to": address, "action": what, "until": until_time})
        )

    async def until_online() -> None:
        """WhatsApp refuses the online state until the phone has sent the account's name, which no event reports."""
        async with asyncio.timeout(TIMEOUT_S):
            while not companion.available:
                send_presence("subscribe")
                await asyncio.sleep(0.1)

    await until_online()
    presence = json.loads((await linked.wait(EphemeralObserved)).body)
    assert (presence["sender"]["lid"], presence["available"]) == (bob.account.lid.user, True)
    before = len(linked.frames)
    bob.typing(phone.account, "composing")
    typing = json.loads(
        (await linked.wait(EphemeralObserved, since=before, subject="wa.live.typing.seen.acme.sales")).body
    )
    assert (typing["sender"]["lid"], typing["state"]) == (bob.account.lid.user, "composing")
    send_presence("composing")
    send_presence("paused")
    await until(lambda: len(bob.typing_states) == 2)
    assert [typing["state"] for typing in bob.typing_states] == ["composing", "paused"]

    ids = [bob.write(phone.account, content.text(f"text {number}"))[0] for number in range(2)]
    await linked.confirm_entries(2)
    for call_id in ("m1", "m1 repeated"):
        linked.send_frame(SendReadReceipts(instance_id=INSTANCE, call_id=call_id, wa_ids=tuple(ids), sender=address))
        assert (await linked.wait(ReadReceiptsResult, call_id=call_id)).error is None
    await until(lambda: sum(receipt["kind"] == "read" for receipt in bob.receipts) == 2)
    assert [receipt["ids"] for receipt in bob.receipts if receipt["kind"] == "read"] == [ids, ids]


async def test_messages_read_on_the_phone_are_reported(
    world: World, phone: SimulatedPhone, linked: WorkerDriver
) -> None:
    bob = world.add_contact(name="Bob")
    ids = [bob.write(phone.account, content.text(f"text {number}"))[0] for number in range(2)]
    await linked.confirm_entries(2)
    phone.read(bob.account, ids)
    read = (await linked.confirm_entries(3))[-1]
    assert read.subject == "wa.event.message.read-elsewhere.acme.sales"
    assert json.loads(read.body)["wa_ids"] == ids


async def test_a_text_into_a_chat_with_disappearing_messages_carries_its_timer(
    world: World, phone: SimulatedPhone, zygote: ZygoteDriver, linked: WorkerDriver
) -> None:
    bob, eve = world.add_contact(name="Bob"), world.add_contact(name="Eve")
    bob.write(phone.account, content.disappearing("until tomorrow", 86_400, 1_790_000_000))
    await linked.confirm_entries(1)
    for person in (bob, eve):
        assert (await linked.send(person.account.number, "fine", person.account.name)).outcome == "accepted"
    assert await received_texts(bob) == [("fine", 86_400)]
    assert await received_texts(eve) == [("fine", 0)]
    linked.kill()
    await zygote.reader.wait(WorkerExited)
    second = await zygote.fork()
    second.start(linked=True)
    await second.wait(ConnectionUpdate, event="connected")
    assert (await second.send(f"{bob.account.lid.user}@lid", "still", "m3")).outcome == "accepted"
    assert await received_texts(bob) == [("fine", 86_400), ("still", 86_400)]


async def received_texts(person: SimulatedContact) -> list[tuple[str, int]]:
    """The texts that a contact received, and the seconds after which they disappear."""
    return [(received["text"], received["expiration"]) for received in await person.inbox.after(0, wait=10)]
