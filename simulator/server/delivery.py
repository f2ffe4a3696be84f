"""The offline queue: a stanza waits for a device until the device acknowledges it."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from simulator.protocol.binary_xml import decode, encode
from simulator.protocol.jid import SERVER
from simulator.protocol.node import Node, element
from simulator.server.accounts import Companion
from simulator.server.ledger import DeliveryLedger
from simulator.store import SimulatorStore

PREVIEWED_TAGS = ("message", "receipt", "notification")


def queue_key(tag: str, stanza_id: str, kind: str = "") -> str:
    """Receipts of several kinds may carry the same id, so the kind counts for everything but messages."""
    return f"{tag}/{stanza_id}" if tag == "message" else f"{tag}/{stanza_id}/{kind}"


def _from_a_contact(companion: Companion, node: Node) -> bool:
    sender = node.jid("from").user
    return node.tag == "message" and sender not in (companion.lid_user, companion.number)


@dataclass
class StanzaQueues:
    """Queues by device address, ledgers by phone number."""

    store: SimulatorStore
    queues: dict[str, dict[str, Node]] = field(default_factory=dict)
    ledgers: dict[str, DeliveryLedger] = field(default_factory=dict)

    def ledger(self, number: str) -> DeliveryLedger:
        return self.ledgers.setdefault(number, DeliveryLedger())

    def restore(self, companions: Iterable[Companion]) -> None:
        """Fill the queues from the store. Stanzas for devices that are linked no more are dropped."""
        by_address = {str(companion.lid): companion for companion in companions}
        for address, body in self.store.load_queue():
            if companion := by_address.get(address):
                self._enqueue(companion, decode(body))

    def deliver(self, companion: Companion, node: Node) -> None:
        """Send now if the device is online and active; keep the stanza until it is acknowledged."""
        key = self._enqueue(companion, node)
        self.store.enqueue(str(companion.lid), key, encode(node), time.time())
        self._send(companion, node)

    def deliver_if_online(self, companion: Companion, node: Node) -> None:
        """For what is of no use later: typing, presence."""
        if companion.online:
            companion.online.send(node)

    def activate(self, companion: Companion) -> None:
        """The device is ready: hand it everything that waits."""
        companion.active = True
        connection = companion.online
        if connection is None:
            return
        backlog = list(self.queues.get(str(companion.lid), {}).values())
        counts = {tag: sum(node.tag == tag for node in backlog) for tag in PREVIEWED_TAGS}
        if backlog:
            preview = element("offline_preview", {"count": len(backlog), **counts, "appdata": 0})
            connection.send(element("ib", {"from": SERVER}, preview))
        for node in backlog:
            self._send(companion, Node(node.tag, {**node.attrs, "offline": "0"}, node.content))
        connection.send(element("ib", {"from": SERVER}, element("offline", {"count": len(backlog)})))

    def acknowledge(self, companion: Companion, key: str) -> None:
        if self.queues.get(str(companion.lid), {}).pop(key, None) is None:
            return
        self.store.dequeue(str(companion.lid), key)
        tag, _, message_id = key.partition("/")
        if tag == "message":
            self.ledger(companion.number).record_acknowledged(companion.device, message_id)

    def forget(self, companion: Companion) -> None:
        """The device is unlinked."""
        for key in self.queues.pop(str(companion.lid), {}):
            self.store.dequeue(str(companion.lid), key)
        self.ledger(companion.number).forget_device(companion.device)

    def _enqueue(self, companion: Companion, node: Node) -> str:
        key = queue_key(node.tag, node.text("id"), node.text("type"))
        queue = self.queues.setdefault(str(companion.lid), {})
        if _from_a_contact(companion, node):
            self.ledger(companion.number).record_written(companion.device, node.text("id"))
        queue[key] = node
        return key

    def _send(self, companion: Companion, node: Node) -> None:
        if companion.online is None:
            return
        companion.online.send(node)
        if _from_a_contact(companion, node):
            self.ledger(companion.number).record_sent(companion.device, node.text("id"))
