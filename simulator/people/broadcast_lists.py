"""Broadcast lists: one text for several people, each of whom has it in the chat with its sender."""

from collections.abc import Sequence

from simulator.people.contact import Contact
from simulator.people.content import Content, text
from simulator.people.phone import Phone
from simulator.protocol.jid import Jid
from simulator.protocol.node import Attributes, element
from simulator.protocol.protos import Message
from simulator.server.accounts import Account

BROADCAST_SERVER = "broadcast"


def write_through_list(contact: Contact, to: Account, content: Content) -> str:
    """A contact writes to a list that `to` is on. -> id"""
    address: Attributes = {
        "from": _list_of(contact.network.now()),
        "participant": contact.account.lid,
        "participant_pn": contact.account.pn,
        "sender_pn": None,
        "addressing_mode": "lid",
    }
    message_id, _ = contact.write(to, content, extra=address)
    return message_id


def write_to_list(phone: Phone, recipients: Sequence[Account], words: str) -> str:
    """The owner writes to a list on the phone: each recipient gets it, the companions a copy with all names. -> id"""
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
        phone.tell(companion, message, head, element("participants", None, *named))
    return message_id


def _list_of(moment: int) -> Jid:
    """Lists are named after the second they were made in."""
    return Jid(str(moment), BROADCAST_SERVER)
