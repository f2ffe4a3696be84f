"""The world without a client: persistence, names, the queue and its ledger."""

from pathlib import Path

import phonenumbers

from simulator.people import content
from simulator.protocol.device import SignalDevice
from simulator.protocol.node import element
from simulator.server.accounts import Companion, SimulatedAccount
from simulator.server.delivery import StanzaQueues, queue_key
from simulator.store import SimulatorStore
from simulator.world import World


def _companion(account: SimulatedAccount) -> Companion:
    bundle = SignalDevice.new().bundle()
    companion = Companion(
        account.number,
        account.lid_user,
        1,
        b"n" * 32,
        bundle.identity,
        1,
        bundle.registration_id,
        bundle.signed_id,
        bundle.signed_public,
        bundle.signature,
    )
    account.companions[1] = companion
    return companion


async def test_everything_comes_back_after_a_restart(tmp_path: Path) -> None:
    world = World(tmp_path, seed=1)
    phone, bob = world.add_phone(), world.add_contact(name="Bob")
    _companion(phone.account)
    group = world.network.add_group("The group", [bob.account.number, phone.account.number])
    message_id, _ = bob.write(phone.account, content.text("waiting"))
    ca = world.service.ca_path.read_bytes()
    await world.network.close()

    again = World(tmp_path, seed=1)
    assert again.noise_root == world.noise_root
    assert again.service.ca_path.read_bytes() == ca
    assert again.network.accounts[phone.account.number] == phone.account
    assert again.network.accounts[bob.account.number] == bob.account
    assert again.network.groups == {group.id: group}
    (queue,) = again.network.delivery.queues.values()
    assert list(queue) == [f"message/{message_id}"]
    assert again.network.delivery.ledger(phone.account.number).counts()["pending"] == 1
    await again.network.close()


async def test_after_a_killed_run_contacts_write_under_fresh_sessions(tmp_path: Path) -> None:
    kinds = []
    for end_in_order in (True, False, True):
        world = World(tmp_path, seed=1)
        phone = next(iter(world.phones.values()), None) or world.add_phone()
        bob = next(iter(world.contacts.values()), None) or world.add_contact()
        if not phone.account.companions:
            _companion(phone.account)
        bob.write(phone.account, content.text("hello"))
        (session, *older) = bob.account.device.sessions[str(phone.account.companions[1].lid)]
        kinds.append((session.base_key, len(older)))
        await (world.network.close() if end_in_order else world.network.store.close())
    assert kinds[0] == kinds[1]
    assert kinds[2][0] != kinds[0][0]
    assert kinds[2][1] == 1


async def test_the_same_seed_gives_the_same_world_and_a_restart_new_ids(tmp_path: Path) -> None:
    worlds = [World(tmp_path / name, seed=5) for name in ("one", "two")]
    people = [[world.add_phone().account, world.add_contact().account] for world in worlds]
    assert [(a.number, a.name, a.lid_user) for a in people[0]] == [(a.number, a.name, a.lid_user) for a in people[1]]
    ids = [world.network.names.message_id() for world in worlds]
    assert ids[0] == ids[1]
    await worlds[0].network.close()
    restarted = World(tmp_path / "one", seed=5)
    restarted.add_phone()
    restarted.add_contact()
    assert restarted.network.names.message_id() != ids[0]
    await restarted.network.close()
    await worlds[1].network.close()


async def test_drawn_numbers_are_valid(tmp_path: Path) -> None:
    world = World(tmp_path, seed=2)
    for _ in range(100):
        number = world.network.names.number(())
        assert phonenumbers.is_valid_number(phonenumbers.parse(f"+{number}")), number
    await world.network.close()


class Socket:
    """Replaces a connection: records what was sent."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, node: object) -> None:
        self.sent.append(str(node))


async def test_the_ledger_counts_deliveries_repetitions_and_acknowledgements(tmp_path: Path) -> None:
    world = World(tmp_path, seed=3)
    phone, bob = world.add_phone(), world.add_contact()
    companion, socket = _companion(phone.account), Socket()
    ledger, delivery = world.network.delivery.ledger(phone.account.number), world.network.delivery
    first, _ = bob.write(phone.account, content.text("one"))
    second, _ = bob.write(phone.account, content.text("two"))
    assert ledger.counts() == _counts(written=2, pending=2)
    companion.connection = socket
    delivery.activate(companion)
    assert ledger.counts() == _counts(written=2, delivered=2, pending=2)
    delivery.acknowledge(companion, queue_key("message", first))
    companion.active = False
    delivery.activate(companion)
    assert ledger.counts() == _counts(written=2, delivered=2, acknowledged=1, redelivered=1, pending=1)
    assert ledger.acknowledged_ids() == [first]
    delivery.acknowledge(companion, queue_key("message", second))
    delivery.acknowledge(companion, queue_key("message", second))
    assert ledger.acknowledged_ids() == [first, second]
    assert 'offline="0"' in "".join(socket.sent)
    await world.network.close()


def _counts(**description: int) -> dict[str, int]:
    names = ("written", "delivered", "acknowledged", "redelivered", "pending", "received")
    return {name: description.get(name, 0) for name in names}


async def test_an_unlinked_device_leaves_nothing_behind(tmp_path: Path) -> None:
    world = World(tmp_path, seed=4)
    phone, bob = world.add_phone(), world.add_contact()
    companion = _companion(phone.account)
    bob.write(phone.account, content.text("never read"))
    world.network.forget_device(companion)
    assert world.network.delivery.ledger(phone.account.number).counts() == _counts()
    await world.network.close()
    again = StanzaQueues(SimulatorStore(tmp_path / "simulator.sqlite"))
    assert again.store.load_queue() == []
    await again.store.close()


def test_receipts_of_different_kinds_are_queued_separately() -> None:
    keys = [
        queue_key(node.tag, node.text("id"), node.text("type"))
        for node in (
            element("receipt", {"id": "A"}),
            element("receipt", {"id": "A", "type": "read"}),
        )
    ]
    assert len(set(keys)) == 2
