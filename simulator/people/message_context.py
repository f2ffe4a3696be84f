"""Messages that are about another one: answers, reactions, edits, revokes, and what clients encrypt of them."""

import secrets

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from simulator.people.content import Content
from simulator.protocol.kdf import hkdf
from simulator.protocol.protos import Message

EDITED, REVOKED, REVOKED_BY_ADMIN = "1", "7", "8"
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


def with_secret(words: str, secret: bytes) -> Content:
    """A text with the secret that later messages about it are encrypted with."""
    message = Message(conversation=words)
    message.messageContextInfo.messageSecret = secret
    return Content(message.SerializeToString())


def encrypted_edit(words: str, message_id: str, author: str, secret: bytes) -> Content:
    """As phones edit in chats that are addressed by LID. `author`: the JID by which the author is named."""
    plain = edit(words, message_id, wrapped=False).payload
    names = f"{message_id}{author}{author}Message Edit".encode()
    initial = secrets.token_bytes(12)
    message = Message()
    sealed = message.secretEncryptedMessage
    sealed.secretEncType, sealed.targetMessageKey.ID, sealed.targetMessageKey.fromMe = (
        sealed.MESSAGE_EDIT,
        message_id,
        True,
    )
    sealed.encIV, sealed.encPayload = initial, AESGCM(hkdf(secret, 32, info=names)).encrypt(initial, plain, None)
    return Content(message.SerializeToString(), edit=EDITED)


def revoke(message_id: str) -> Content:
    """Deleted for everyone."""
    message = Message()
    message.protocolMessage.type = message.protocolMessage.REVOKE
    message.protocolMessage.key.ID, message.protocolMessage.key.fromMe = message_id, True
    return Content(message.SerializeToString(), edit=REVOKED)


def revoke_of(message_id: str, author: str, group: str) -> Content:
    """The admin of a group deletes what another wrote. `author`: JID of who wrote it."""
    message = Message()
    protocol = message.protocolMessage
    protocol.type, protocol.key.ID, protocol.key.fromMe = protocol.REVOKE, message_id, False
    protocol.key.remoteJID, protocol.key.participant = group, author
    return Content(message.SerializeToString(), edit=REVOKED_BY_ADMIN)
