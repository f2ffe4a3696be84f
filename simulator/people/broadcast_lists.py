"""Broadcast lists: one text to several recipients; each gets it in the chat with the sender."""

from collections.abc import Sequence

from simulator.people.contact import SimulatedContact
from simulator.people.content import OutgoingContent, text
from simulator.people.phone import SimulatedPhone
from simulator.protocol.jid import Jid
from simulator.protocol.node import Attributes, element
from simulator.protocol.protos import Message
from simulator.server.accounts import SimulatedAccount

BROADCAST_SERVER = "broadcast"


def write_through_list(contact: SimulatedContact, to: SimulatedAccount, content: OutgoingContent) -> str:
    """A contact writes to a broadcast list that contains `to`. -> id"""
    address: Attributes = {
        "from": _list_of(contact.network.now()),
        "participant": contact.account.lid,
        "participant_pn": contact.account.pn,
        "sender_pn": None,
        "addressing_mode": "lid",
    }
    message_id, _ = contact.write(to, content, extra=address)
    return message_id


def write_to_list(phone: SimulatedPhone, recipients: Sequence[SimulatedAccount], words: str) -> str:
    """The owner writes to a broadcast list: each recipient gets it, the companions a copy with all recipients. -> id"""
    network, owner = phone.network, phone.account
    message_id, address = network.names.message_id(), _list_of(network.now())
    message = Message()
    message.deviceSentMessage.destinationJID = str(address)
    message.deviceSentMessage.message.conversation = words
    for recipient in recipients:
        phone.write(recipient, text(words), message_id)
    named = [element("to", {"jid": account.lid, "peer_recipient_pn": account.pn}) for account in recipients]
    head: Attributes = {
        "from": address,
        "participant": owner.lid,
        "participant_pn": owner.pn,
        "recipient": owner.lid,
        "addressing_mode": "lid",
        "id": message_id,
    }
    for companion in owner.companions.values():
        phone.send_to_companion(companion, message, head, element("participants", None, *named))
    return message_id


def _list_of(moment: int) -> Jid:
    """The JID of a list is the epoch second of its creation."""
    return Jid(str(moment), BROADCAST_SERVER)
