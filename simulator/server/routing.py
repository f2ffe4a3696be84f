"""Client stanzas that are routed to other people: messages, receipts, typing, presence."""

import time

from simulator.protocol.jid import Jid
from simulator.protocol.node import Attributes, Node, element
from simulator.server.accounts import Companion, SimulatedAccount, SimulatedGroup
from simulator.server.connection import ClientConnection
from simulator.server.delivery import queue_key
from simulator.server.network import IncomingStanza, NetworkState

# receipt types that remove a message from the device's queue (a read receipt does not)
FINAL_RECEIPT_TYPES = ("", "inactive", "sender", "peer_msg", "hist_sync")


class StanzaRouter:
    """One method per stanza; `connection.companion` is None only while a device pairs."""

    def __init__(self, network: NetworkState) -> None:
        self._network = network

    def message(self, connection: ClientConnection, node: Node, companion: Companion) -> None:
        account, to = self._network.accounts[companion.number], node.jid("to")
        error_code = account.faults.message_error
        ack = element("ack", {"class": "message", "id": node.text("id"), "from": to, "t": self._network.now()})
        if error_code is not None:
            ack.attrs["error"] = str(error_code)
        if error_code is not None or not account.faults.hold_message_acks:
            connection.send(ack)
        if error_code is not None:
            return
        if node.attrs.get("category") != "peer":
            entry = {
                "id": node.text("id"),
                "to": self._number(to),
                "address": str(to),
                "at": time.time(),
                "device": companion.device,
            }
            self._network.delivery.ledger(companion.number).received.append(entry)
        if to.server == "g.us":
            self._to_group(companion, node)
        else:
            self._to_devices(companion, node)

    def receipt(self, connection: ClientConnection, node: Node, companion: Companion) -> None:
        kind = node.text("type")
        copied = {name: node.attrs.get(name) for name in ("id", "type", "participant")}
        head = {"class": "receipt", **copied, "from": node.attrs.get("to"), "t": self._network.now()}
        connection.send(element("ack", head))
        items = [item.text("id") for child in node.all("list") for item in child.all("item")]
        ids = [node.text("id"), *items]
        if kind in FINAL_RECEIPT_TYPES:
            for message_id in ids:
                self._network.delivery.acknowledge(companion, queue_key("message", message_id))
        person = self._network.person(node.jid("participant" if "participant" in node.attrs else "to"))
        if person is not None:
            person.on_receipt(companion, ids, node)

    def ack(self, _: ClientConnection, node: Node, companion: Companion) -> None:
        if node.attrs.get("error") is None:  # an error ack may follow a retry receipt and must not remove the new copy
            key = queue_key(node.text("class"), node.text("id"), node.text("type"))
            self._network.delivery.acknowledge(companion, key)

    def typing(self, _: ClientConnection, node: Node, companion: Companion) -> None:
        person = self._network.person(node.jid("to"))
        if person is not None and node.children:
            person.on_typing(companion, node.children[0].tag)

    def presence(self, connection: ClientConnection, node: Node, companion: Companion) -> None:
        if node.text("type") == "subscribe":
            person = self._network.person(node.jid("to"))
            if person is not None:
                connection.send(element("presence", {"from": node.jid("to"), "type": "available"}))
        else:
            companion.available = node.text("type", "available") == "available"

    def _number(self, jid: Jid) -> str:
        account = self._network.account(jid)
        return account.number if account else jid.user

    def _to_devices(self, companion: Companion, node: Node) -> None:
        targets = [(to.jid("jid"), to.child("enc")) for part in node.all("participants") for to in part.all("to")]
        if not targets:  # a peer message to our own phone
            targets = [(node.jid("to"), node.child("enc"))]
        for jid, enc in targets:
            if enc is None:
                continue
            if jid.device == 0 and (person := self._network.person(jid)):
                person.on_message(IncomingStanza(companion, node, enc))
            elif other := self._network.companion(jid):
                self._forward(companion, other, node, enc)

    def _forward(self, sender: Companion, other: Companion, node: Node, enc: Node) -> None:
        account = self._network.accounts[sender.number]
        own = other.number == sender.number
        head = {
            **self._head(sender, node),
            "from": sender.lid,
            "sender_pn": None if own else account.pn,
            "recipient": node.jid("to") if own else None,
            "peer_recipient_pn": node.attrs.get("peer_recipient_pn") if own else None,
        }
        self._network.delivery.deliver(other, element("message", head, enc, *_identity(node, enc)))

    def _head(self, sender: Companion, node: Node) -> Attributes:
        name = self._network.accounts[sender.number].name
        copied: Attributes = {key: node.attrs.get(key) for key in ("id", "type")}
        return {**copied, "t": self._network.now(), "notify": name, "addressing_mode": "lid"}

    def _to_group(self, companion: Companion, node: Node) -> None:
        group = self._network.groups.get(node.jid("to").user)
        text = next((enc for enc in node.all("enc") if enc.text("type") == "skmsg"), None)
        if group is None or text is None:
            return
        keys = {str(to.jid("jid")): to.child("enc") for part in node.all("participants") for to in part.all("to")}
        for number in group.members:
            account = self._network.accounts[number]
            if person := self._network.people.get(number):
                person.on_group_message(group, IncomingStanza(companion, node, text), _key_for(keys, account, 0))
            for other in account.companions.values():
                if other is not companion:
                    key = _key_for(keys, account, other.device)
                    self._network.delivery.deliver(other, self._group_copy(companion, group, (node, text, key)))

    def _group_copy(self, sender: Companion, group: SimulatedGroup, parts: tuple[Node, Node, Node | None]) -> Node:
        node, text, key = parts
        head = {**self._head(sender, node), "from": group.jid, "participant": sender.lid, "participant_pn": sender.pn}
        return element("message", head, *([key, *_identity(node, key)] if key else []), text)


def _identity(node: Node, enc: Node) -> list[Node]:
    identity = node.child("device-identity")
    return [identity] if identity is not None and enc.text("type") == "pkmsg" else []


def _key_for(keys: dict[str, Node | None], account: SimulatedAccount, device: int) -> Node | None:
    return keys.get(str(account.lid.with_device(device))) or keys.get(str(account.pn.with_device(device)))
