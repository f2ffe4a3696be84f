"""Device 0 of an account: encrypts to companions, decrypts what they send, answers retry receipts."""

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from simulator.people.certificates import certificate
from simulator.people.content import DecodedMessage, OutgoingContent, decode, text
from simulator.people.inbox import PersonInbox, ReceivedMessage
from simulator.protocol.device import pad, unpad
from simulator.protocol.node import Attributes, Node, element, leaf
from simulator.protocol.protos import Message
from simulator.protocol.sender_keys import SenderKey
from simulator.server.accounts import Companion, OwnChain, SimulatedAccount, SimulatedGroup
from simulator.server.connection import ClientConnection
from simulator.server.iq import bundle_nodes
from simulator.server.network import IncomingStanza, NetworkState

MAX_RESENDABLE_MESSAGES = 5000  # kept in memory, to send them again after a retry receipt
DECRYPTION_ERRORS = (ValueError, KeyError)


@dataclass(frozen=True)
class ResendableMessage:
    """The plaintext and stanza attributes of a message to one device, from which it can be encrypted again."""

    payload: bytes
    head: Attributes


class SimulatedPerson:
    """Base class of simulated contacts and phones."""

    def __init__(self, network: NetworkState, account: SimulatedAccount) -> None:
        self.network, self.account = network, account
        self.inbox = PersonInbox()
        self.receipts: list[dict[str, Any]] = []
        self.typing_states: list[dict[str, Any]] = []
        self._sent: OrderedDict[tuple[str, str], ResendableMessage] = OrderedDict()
        # after a killed run start fresh sessions: clients silently drop messages that reuse a message key
        self._stale_sessions = set(account.device.sessions) if network.sessions_stale else set()
        if network.sessions_stale:
            account.own_chains.clear()
        network.people[account.number] = self

    # -- writing
    def write(
        self, to: SimulatedAccount, content: OutgoingContent, message_id: str = "", extra: Attributes | None = None
    ) -> tuple[str, float]:
        """Encrypts to every companion of `to`; their phone gets it too. -> (id, epoch seconds of sending).

        `extra`: stanza attributes that replace the usual ones.
        """
        message_id = message_id or self.network.names.message_id()
        head = {**self._address(), **self._head(message_id, content), **(extra or {})}
        sent_at = time.time()
        for companion in to.companions.values():
            self._deliver(companion, head, content)
        if recipient := self.network.people.get(to.number):
            recipient.accept(
                ReceivedMessage(message_id, self.account.number, "plain", decode_content(content), self.account.number)
            )
        return message_id, sent_at

    def write_to_group(self, group: SimulatedGroup, body: str | OutgoingContent) -> str:
        """Sends one content to all companions of all members, with the sender key for those that lack it."""
        message_id, content = self.network.names.message_id(), text(body) if isinstance(body, str) else body
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
                member.accept(
                    ReceivedMessage(message_id, self.account.number, "plain", decode_content(content), str(group.jid))
                )
            for companion in self.network.accounts[number].companions.values():
                keys = []
                if str(companion.lid) not in chain.known_to:
                    keys = [self._seal(companion, distribution.SerializeToString())]
                    chain.known_to.append(str(companion.lid))
                self.network.delivery.deliver(companion, element("message", head, *keys, sealed))
        self.network.mark_changed(self.account)
        return message_id

    def _head(self, message_id: str, content: OutgoingContent) -> Attributes:
        attributes: Attributes = {"id": message_id, "t": self.network.now(), "notify": self.account.name}
        return {**attributes, "type": content.stanza_type, "edit": content.edit}

    def _address(self) -> Attributes:
        if self.account.addressing == "pn":
            return {"from": self.account.pn, "sender_lid": self.account.lid}
        return {"from": self.account.lid, "sender_pn": self.account.pn, "addressing_mode": "lid"}

    def _deliver(self, companion: Companion, head: Attributes, content: OutgoingContent) -> None:
        enc = self._seal(companion, content.payload)
        parts = [certificate(self.account.verified_name)] if self.account.verified_name else []
        if content.media_type:
            enc.attrs["mediatype"] = content.media_type
        self._remember(companion, head, content)
        self.network.delivery.deliver(companion, element("message", head, *parts, enc))

    def _remember(self, companion: Companion, head: Attributes, content: OutgoingContent) -> None:
        """Keeps the message to send it again when the device could not decrypt it."""
        self._sent[(str(head["id"]), str(companion.lid))] = ResendableMessage(content.payload, head)
        if len(self._sent) > MAX_RESENDABLE_MESSAGES:
            self._sent.popitem(last=False)

    def _seal(self, companion: Companion, payload: bytes) -> Node:
        address = str(companion.lid)
        if not self.account.device.has_session(address) or address in self._stale_sessions:
            self._stale_sessions.discard(address)
            self.account.device.start_session(address, companion.bundle())
        kind, data = self.account.device.encrypt(address, pad(payload))
        self.network.mark_changed(self.account)
        return leaf("enc", data, {"v": "2", "type": kind})

    # -- reading
    def accept(self, received: ReceivedMessage) -> None:
        """Receives an unencrypted message of another simulated person; subclasses may extend this."""
        self.inbox.add(received)

    def on_message(self, incoming: IncomingStanza) -> None:
        try:
            message = self._open(incoming.sender, incoming.enc)
        except DECRYPTION_ERRORS:
            self.send_retry_receipt(incoming)
            return
        self._add_to_inbox(incoming, message, incoming.enc.text("type"))

    def on_group_message(self, group: SimulatedGroup, incoming: IncomingStanza, key: Node | None) -> None:
        slot = f"{group.id}/{incoming.sender.lid}"
        try:
            if key is not None:
                shared = self._open(incoming.sender, key).senderKeyDistributionMessage
                chain = SenderKey.from_distribution(shared.axolotlSenderKeyDistributionMessage)
                self.account.sender_keys[slot] = chain
            plain = unpad(self.account.sender_keys[slot].decrypt(incoming.enc.data()))
        except DECRYPTION_ERRORS:
            self.send_retry_receipt(incoming)
            return
        self.network.mark_changed(self.account)
        self._add_to_inbox(incoming, Message.FromString(plain), "skmsg")

    def on_receipt(self, sender: Companion, ids: list[str], node: Node) -> None:
        """Records a receipt. After a retry receipt (the device could not decrypt) sends again under a new session."""
        kind = node.text("type") or "delivered"
        self.receipts.append({"ids": ids, "kind": kind, "from": sender.number, "at": time.time()})
        resendable = self._sent.get((ids[0], str(sender.lid)))
        if kind == "retry" and resendable is not None:
            self.account.device.delete_sessions(str(sender.lid))
            enc = self._seal(sender, resendable.payload)
            enc.attrs["count"] = node.require_child("retry").text("count", "1")
            self.network.delivery.deliver(sender, element("message", resendable.head, enc))

    def on_typing(self, sender: Companion, state: str) -> None:
        self.typing_states.append({"from": sender.number, "state": state, "at": time.time()})

    def on_link_code(self, connection: ClientConnection, node: Node) -> bytes:
        """Only phones can link devices. Raises ValueError."""
        raise ValueError(f"{self.account.number} is a contact and cannot link devices")

    def on_link_code_finish(self, connection: ClientConnection, node: Node) -> None:
        """Only phones can link devices. Raises ValueError."""
        raise ValueError(f"{self.account.number} is a contact and cannot link devices")

    def send_retry_receipt(self, incoming: IncomingStanza) -> None:
        """Sends a retry receipt with a new prekey bundle. For a copy of an own message it names the recipient, without
        which the client does not find the message."""
        companion, message_id = incoming.sender, incoming.stanza.text("id")
        recipient = incoming.stanza.jid("to") if companion.number == self.account.number else None
        registration, *keys = bundle_nodes(self.account.device.bundle())
        now = self.network.now()
        retry = element("retry", {"v": "1", "count": 1, "id": message_id, "t": now})
        children = [retry, registration, element("keys", None, *_retry_keys(keys))]
        head: Attributes = {"from": self.account.lid, "recipient": recipient, "id": message_id, "t": now}
        receipt = element("receipt", {**head, "type": "retry"}, *children)
        self.network.delivery.deliver(companion, receipt)
        self.network.mark_changed(self.account)

    def _open(self, sender: Companion, enc: Node) -> Any:
        plain = self.account.device.decrypt(str(sender.lid), enc.text("type"), enc.data())
        self.network.mark_changed(self.account)
        return Message.FromString(unpad(plain))

    def _add_to_inbox(self, incoming: IncomingStanza, message: Any, kind: str) -> None:
        stanza = incoming.stanza
        to = stanza.jid("to")
        chat = str(to) if to.server == "g.us" else incoming.sender.number
        self.inbox.add(ReceivedMessage(stanza.text("id"), incoming.sender.number, kind, decode(message), chat))


def decode_content(content: OutgoingContent) -> DecodedMessage:
    try:
        return decode(Message.FromString(content.payload))
    except DecodeError:
        return DecodedMessage("", "unreadable")


def _retry_keys(nodes: list[Node]) -> list[Node]:
    """In a retry receipt the one-time key stands before the signed one."""
    order = ("type", "identity", "key", "skey")
    return sorted(nodes, key=lambda node: order.index(node.tag))
