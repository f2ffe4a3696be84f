"""Messages that are about another one: answers, reactions, edits, revokes, and what clients encrypt of them."""

from simulator.people.content import Content
from simulator.protocol.protos import Message

EDITED, REVOKED = "1", "7"
"""The `edit` attribute of the stanza."""
MESSAGE_EDIT = 14


def answer(words: str, message_id: str, author: str | None = None) -> Content:
    """`author`: the JID of who wrote the message that is answered."""
    message = Message()
    message.extendedTextMessage.text = words
    message.extendedTextMessage.contextInfo.stanzaID = message_id
    if author:
        message.extendedTextMessage.contextInfo.participant = author
    return Content(message.SerializeToString())


def reaction(emoji: str, message_id: str) -> Content:
    """An empty emoji takes the reaction back."""
    message = Message()
    message.reactionMessage.key.ID, message.reactionMessage.text = message_id, emoji
    return Content(message.SerializeToString(), kind="reaction")


def edit(words: str, message_id: str, *, wrapped: bool = True) -> Content:
    """`wrapped`: as computers and iPhones send it, inside an editedMessage."""
    message = Message()
    protocol = message.editedMessage.message.protocolMessage if wrapped else message.protocolMessage
    protocol.type, protocol.key.ID, protocol.key.fromMe = MESSAGE_EDIT, message_id, True
    protocol.editedMessage.conversation = words
    return Content(message.SerializeToString(), edit=EDITED)


def revoke(message_id: str) -> Content:
    """Deleted for everyone."""
    message = Message()
    message.protocolMessage.type = message.protocolMessage.REVOKE
    message.protocolMessage.key.ID, message.protocolMessage.key.fromMe = message_id, True
    return Content(message.SerializeToString(), edit=REVOKED)
