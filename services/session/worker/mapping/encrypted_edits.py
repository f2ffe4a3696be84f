"""Decrypts edits that the sender's client has encrypted with the secret of the edited message.

Every message carries a secret of 32 bytes. The library decrypts the message that carries such an edit, but not the edit
inside, so the secrets of the newest messages are kept here. Memory is enough, because WhatsApp allows edits for fifteen
minutes only; an edit whose secret was lost with the process is published without its text.
"""

from collections import OrderedDict
from itertools import product

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from google.protobuf.message import DecodeError

from services.session.worker.mapping.protobufs import ContentProtobuf, MessageProtobuf
from shared.text.bounded_text import MAX_ID

MAX_SECRETS = 2_048
"""Per account; each takes about 200 bytes."""
SECRET_BYTES = 32
SECRET_ENC_TYPE_EDIT = 2
"""The `secretEncType` of an edit."""
_HKDF_PURPOSE = b"Message Edit"


class EditDecryptor:
    """For one account; `decrypt` is called for its messages in order."""

    def __init__(self) -> None:
        self._secrets: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        """By message id and user part of the sender's JID."""

    def decrypt(self, event: MessageProtobuf) -> MessageProtobuf:
        """The neonize `Message` event. An encrypted edit in it is replaced by the edit, if it can be decrypted."""
        self._store_secret(event)
        sealed = event.Message.secretEncryptedMessage
        if sealed.secretEncType != SECRET_ENC_TYPE_EDIT:
            return event
        secrets = (self._secrets.get((sealed.targetMessageKey.ID, user)) for user in _sender_users(event))
        secret = next(filter(None, secrets), None)
        if secret is not None and (plaintext := _decrypt_edit(event, sealed, secret)) is not None:
            _replace_by_edit(event.Message, plaintext, sealed.targetMessageKey.ID)
        return event

    def _store_secret(self, event: MessageProtobuf) -> None:
        secret, wa_id = event.Message.messageContextInfo.messageSecret, event.Info.ID
        if len(secret) != SECRET_BYTES or len(wa_id) > MAX_ID:
            return
        for user in _sender_users(event):
            self._secrets[(wa_id, user)] = secret
        while len(self._secrets) > MAX_SECRETS:
            self._secrets.popitem(last=False)


def _sender_users(event: MessageProtobuf) -> list[str]:
    source = event.Info.MessageSource
    return [jid.User for jid in (source.Sender, source.SenderAlt) if jid.User]


def _decrypt_edit(event: MessageProtobuf, sealed: ContentProtobuf, secret: bytes) -> bytes | None:
    """The key is derived from the author's JID (phone or LID) at the message and at the edit; None: no key fits."""
    source = event.Info.MessageSource
    jids = [f"{jid.User}@{jid.Server}".encode() for jid in (source.Sender, source.SenderAlt) if jid.User]
    for author, editor in product(jids, repeat=2):
        info = sealed.targetMessageKey.ID.encode() + author + editor + _HKDF_PURPOSE
        key = HKDF(SHA256(), SECRET_BYTES, salt=None, info=info).derive(secret)
        try:
            return AESGCM(key).decrypt(sealed.encIV, sealed.encPayload, None)
        except (InvalidTag, ValueError):  # ValueError: the initialisation vector has an impossible length
            continue
    return None


def _replace_by_edit(message: ContentProtobuf, plaintext: bytes, target_id: str) -> None:
    """Make `message` an edit without this encryption. The plaintext is such an edit, or only the new message."""
    try:
        edited = type(message).FromString(plaintext)
    except DecodeError:
        return
    inner = edited.editedMessage.message if edited.HasField("editedMessage") else edited
    new = inner.protocolMessage.editedMessage if inner.HasField("protocolMessage") else inner
    message.Clear()
    protocol = message.protocolMessage
    protocol.type, protocol.key.ID = protocol.MESSAGE_EDIT, target_id
    protocol.editedMessage.CopyFrom(new)
