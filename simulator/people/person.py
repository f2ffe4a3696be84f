"""Device 0 of an account: encrypts to companions, decrypts what they send, answers retry receipts."""

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from simulator.people.certificates import certificate
from simulator.people.content import Content, Reading, read, text
from simulator.people.inbox import Inbox, Received
from simulator.protocol.device import pad, unpad
from simulator.protocol.node import Attributes, Node, element, leaf
from simulator.protocol.protos import Message
from simulator.protocol.sender_keys import SenderKey
from simulator.server.accounts import Account, Companion, Group, OwnChain
from simulator.server.connection import Connection
from simulator.server.iq import bundle_nodes
from simulator.server.network import Incoming, Network

REMEMBERED = 5000  # messages that can be sent again after a retry receipt; in memory only
UNREADABLE = (ValueError, KeyError)


@dataclass(frozen=True)
class Sent:
    """A message for one device, as it would be encrypted again."""

    payload: bytes
    head: Attributes


class SimulatedPerson:
    """Base of contacts and phones."""

    def __init__(self, network: Network, account: Account) -> None:
        self.network, self.account = network, account
        self.inbox = Inbox()
        self.receipts: list[dict[str, Any]] = []
        self.typing_seen: list[dict[str, Any]] = []
        self._sent: OrderedDict[tuple[str, str], Sent] = OrderedDict()
        # after a killed run writing goes on with fresh sessions: clients drop messages under used keys without a word
        self._stale = set(account.device.sessions) if network.sessions_stale else set()
        if network.sessions_stale:
            account.own_chains.clear()
        network.people[account.number] = self

    # -- writing
    def write(
        self, to: Account, content: Content, message_id: str = "", extra: Attributes | None = None
    ) -> tuple[str, float]:
        """Encrypt to every companion of `to`; their phone sees it too. -> (id, epoch seconds when handed over).

        `extra`: attributes of the stanza that are other than usual.
        """
        message_id = message_id or self.network.names.message_id()
        head = {**self._address(), **self._head(message_id, content), **(extra or {})}
        sent_at = time.time()
        for companion in to.companions.values():
            self._deliver(companion, head, content)
        if recipient := self.network.people.get(to.number):
            recipient.accept(
                Received(message_id, self.account.number, "plain", reading_of(content), self.account.number)
            )
        return message_id, sent_at

    def write_to_group(self, group: Group, said: str | Content) -> str:
        """One text or other content for all companions of all members; those that lack our sender key get it along."""
        message_id, content = self.network.names.message_id(), text(said) if isinstance(said, str) else said
        chain = self.account.own_chains.setdefault(group.id, OwnChain(SenderKey.new()))
        distribution = Message()
        distribution.senderKeyDistributionMessage.groupID = str(group.jid)
        raw = chain.key.distribution()
        distribution.senderKeyDistributionMessage.axolotlSenderKeyDistributionMessage = raw
        sealed = leaf("enc", chain.key.encrypt(pad(content.payload)), {"v": "2", "type": "skmsg"})
        sender: Attributes = {
            "participant": self.account.lid,
            "participant_pn": self.account.pn,
            "addressing_mode": "lid",
        }
        head: Attributes = {"from": group.jid, **sender, **self._head(message_id, content)}
        for number in group.members:
            if number != self.account.number and (member := self.network.people.get(number)):
                member.accept(Received(message_id, self.account.number, "plain", reading_of(content), str(group.jid)))
            for companion in self.network.accounts[number].companions.values():
                keys = []
                if str(companion.lid) not in chain.known_to:
                    keys = [self._seal(companion, distribution.SerializeToString())]
                    chain.known_to.append(str(companion.lid))
                self.network.delivery.deliver(companion, element("message", head, *keys, sealed))
        self.network.touch(self.account)
        return message_id

    def _head(self, message_id: str, content: Content) -> Attributes:
        known: Attributes = {"id": message_id, "t": self.network.now(), "notify": self.account.name}
        return {**known, "type": content.stanza_type, "edit": content.edit}

    def _address(self) -> Attributes:
        if self.account.addressing == "pn":
            return {"from": self.account.pn, "sender_lid": self.account.lid}
        return {"from": self.account.lid, "sender_pn": self.account.pn, "addressing_mode": "lid"}

    def _deliver(self, companion: Companion, head: Attributes, content: Content) -> None:
        enc = self._seal(companion, content.payload)
        parts = [certificate(self.account.verified_name)] if self.account.verified_name else []
        if content.media_type:
            enc.attrs["mediatype"] = content.media_type
        self._remember(companion, head, content)
        self.network.delivery.deliver(companion, element("message", head, *parts, enc))

    def _remember(self, companion: Companion, head: Attributes, content: Content) -> None:
        """To send it again when the device could not read it."""
        self._sent[(str(head["id"]), str(companion.lid))] = Sent(content.payload, head)
        if len(self._sent) > REMEMBERED:
            self._sent.popitem(last=False)

    def _seal(self, companion: Companion, payload: bytes) -> Node:
        address = str(companion.lid)
        if not self.account.device.knows(address) or address in self._stale:
            self._stale.discard(address)
            self.account.device.open(address, companion.bundle())
        kind, data = self.account.device.encrypt(address, pad(payload))
        self.network.touch(self.account)
        return leaf("enc", data, {"v": "2", "type": kind})

    # -- reading
    def accept(self, received: Received) -> None:
        """A message between simulated people, which is not encrypted; contacts and phones may add to this."""
        self.inbox.add(received)

    def on_message(self, incoming: Incoming) -> None:
        try:
            message = self._open(incoming.sender, incoming.enc)
        except UNREADABLE:
            self.ask_again(incoming)
            return
        self._take(incoming, message, incoming.enc.text("type"))

    def on_group_message(self, group: Group, incoming: Incoming, key: Node | None) -> None:
        slot = f"{group.id}/{incoming.sender.lid}"
        try:
            if key is not None:
                shared = self._open(incoming.sender, key).senderKeyDistributionMessage
                chain = SenderKey.from_distribution(shared.axolotlSenderKeyDistributionMessage)
                self.account.sender_keys[slot] = chain
            plain = unpad(self.account.sender_keys[slot].decrypt(incoming.enc.data()))
        except UNREADABLE:
            self.ask_again(incoming)
            return
        self.network.touch(self.account)
        self._take(incoming, Message.FromString(plain), "skmsg")

    def on_receipt(self, sender: Companion, ids: list[str], node: Node) -> None:
        """A retry receipt means that the device could not decrypt: open a fresh session and send again."""
        kind = node.text("type") or "delivered"
        self.receipts.append({"ids": ids, "kind": kind, "from": sender.number, "at": time.time()})
        known = self._sent.get((ids[0], str(sender.lid)))
        if kind == "retry" and known is not None:
            self.account.device.forget(str(sender.lid))
            enc = self._seal(sender, known.payload)
            enc.attrs["count"] = node.need("retry").text("count", "1")
            self.network.delivery.deliver(sender, element("message", known.head, enc))

    def on_typing(self, sender: Companion, state: str) -> None:
        self.typing_seen.append({"from": sender.number, "state": state, "at": time.time()})

    def on_link_code(self, connection: Connection, node: Node) -> bytes:
        """Only phones can link devices. Raises ValueError."""
        raise ValueError(f"{self.account.number} is a contact and cannot link devices")

    def on_link_code_finish(self, connection: Connection, node: Node) -> None:
        """Only phones can link devices. Raises ValueError."""
        raise ValueError(f"{self.account.number} is a contact and cannot link devices")

    def ask_again(self, incoming: Incoming) -> None:
        """A retry receipt with a fresh bundle of ours. Of a copy for the own phone it names the receiver, without which
        the client does not find the message."""
        companion, message_id = incoming.sender, incoming.stanza.text("id")
        recipient = incoming.stanza.jid("to") if companion.number == self.account.number else None
        registration, *keys = bundle_nodes(self.account.device.bundle())
        now = self.network.now()
        retry = element("retry", {"v": "1", "count": 1, "id": message_id, "t": now})
        children = [retry, registration, element("keys", None, *_retry_keys(keys))]
        head: Attributes = {"from": self.account.lid, "recipient": recipient, "id": message_id, "t": now}
        receipt = element("receipt", {**head, "type": "retry"}, *children)
        self.network.delivery.deliver(companion, receipt)
        self.network.touch(self.account)

    def _open(self, sender: Companion, enc: Node) -> Any:
        plain = self.account.device.decrypt(str(sender.lid), enc.text("type"), enc.data())
        self.network.touch(self.account)
        return Message.FromString(unpad(plain))

    def _take(self, incoming: Incoming, message: Any, kind: str) -> None:
        stanza = incoming.stanza
        to = stanza.jid("to")
        chat = str(to) if to.server == "g.us" else incoming.sender.number
        self.inbox.add(Received(stanza.text("id"), incoming.sender.number, kind, read(message), chat))


def reading_of(content: Content) -> Reading:
    try:
        return read(Message.FromString(content.payload))
    except DecodeError:
        return Reading("", "unreadable")


def _retry_keys(nodes: list[Node]) -> list[Node]:
    """In a retry receipt the one-time key stands before the signed one."""
    order = ("type", "identity", "key", "skey")
    return sorted(nodes, key=lambda node: order.index(node.tag))
