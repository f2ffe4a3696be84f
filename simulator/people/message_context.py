"""Messages that refer to another one: replies, reactions, edits, revokes, also the encrypted forms."""

import secrets

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from simulator.people.content import OutgoingContent
from simulator.protocol.kdf import hkdf
from simulator.protocol.protos import Message

EDITED, REVOKED, REVOKED_BY_ADMIN = "1", "7", "8"
"""The `edit` attribute of the stanza."""
MESSAGE_EDIT = 14


def answer(words: str, message_id: str, author: str | None = None) -> OutgoingContent:
    """A reply. `author`: JID of the author of the quoted message."""
    message = Message()
    message.extendedTextMessage.text = words
    message.extendedTextMessage.contextInfo.stanzaID = message_id
    if author:
        message.extendedTextMessage.contextInfo.participant = author
    return OutgoingContent(message.SerializeToString())


def reaction(emoji: str, message_id: str) -> OutgoingContent:
    """An empty emoji removes the reaction."""
    message = Message()
    message.reactionMessage.key.ID, message.reactionMessage.text = message_id, emoji
    return OutgoingContent(message.SerializeToString(), kind="reaction")


def edit(words: str, message_id: str, *, wrapped: bool = True) -> OutgoingContent:
    """`wrapped`: inside an editedMessage, as computers and iPhones send it."""
    message = Message()
    protocol = message.editedMessage.message.protocolMessage if wrapped else message.protocolMessage
    protocol.type, protocol.key.ID, protocol.key.fromMe = MESSAGE_EDIT, message_id, True
    protocol.editedMessage.conversation = words
    return OutgoingContent(message.SerializeToString(), edit=EDITED)


def with_secret(words: str, secret: bytes) -> OutgoingContent:
    """A text with the secret that encrypts later edits of it."""
    message = Message(conversation=words)
    message.messageContextInfo.messageSecret = secret
    return OutgoingContent(message.SerializeToString())


def encrypted_edit(words: str, message_id: str, author: str, secret: bytes) -> OutgoingContent:
    """An edit as phones send it in chats that are addressed by LID. `author`: the author's JID."""
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
    return OutgoingContent(message.SerializeToString(), edit=EDITED)


def revoke(message_id: str) -> OutgoingContent:
    """Deleted for everyone."""
    message = Message()
    message.protocolMessage.type = message.protocolMessage.REVOKE
    message.protocolMessage.key.ID, message.protocolMessage.key.fromMe = message_id, True
    return OutgoingContent(message.SerializeToString(), edit=REVOKED)


def revoke_of(message_id: str, author: str, group: str) -> OutgoingContent:
    """A group admin deletes another member's message. `author`: JID of the message's author."""
    message = Message()
    protocol = message.protocolMessage
    protocol.type, protocol.key.ID, protocol.key.fromMe = protocol.REVOKE, message_id, False
    protocol.key.remoteJID, protocol.key.participant = group, author
    return OutgoingContent(message.SerializeToString(), edit=REVOKED_BY_ADMIN)
