"""Edits that the sender's client encrypted with the secret of the message they change.

Every message carries a secret of 32 bytes. The library decrypts the message of such an edit, but not the edit inside,
so the secrets of the newest messages are kept here. WhatsApp allows edits for fifteen minutes, so memory is enough: an
edit whose secret was lost with the process is still told, without its text.
"""

from collections import OrderedDict
from itertools import product
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from google.protobuf.message import DecodeError

from shared.text.bounded_text import MAX_ID

MAX_SECRETS = 2_048
"""Kept per account; each takes about 200 bytes."""
SECRET_BYTES = 32
SECRET_ENC_TYPE_EDIT = 2
"""`secretEncType` of an edit."""
_HKDF_PURPOSE = b"Message Edit"


class EditDecryptor:
    """Of one account; called for its messages in their order."""

    def __init__(self) -> None:
        self._secrets: OrderedDict[tuple[str, str], bytes] = OrderedDict()

    def decrypt(self, event: Any) -> Any:
        """A neonize `Message` event; in place of an encrypted edit, when it can be decrypted, the edit."""
        self._store_secret(event)
        sealed = event.Message.secretEncryptedMessage
        if sealed.secretEncType != SECRET_ENC_TYPE_EDIT:
            return event
        secrets = (self._secrets.get((sealed.targetMessageKey.ID, user)) for user in _sender_users(event))
        secret = next(filter(None, secrets), None)
        if secret is not None and (plain := _decrypt_edit(event, sealed, secret)) is not None:
            _replace_by_edit(event.Message, plain, sealed.targetMessageKey.ID)
        return event

    def _store_secret(self, event: Any) -> None:
        secret, wa_id = event.Message.messageContextInfo.messageSecret, event.Info.ID
        if len(secret) != SECRET_BYTES or len(wa_id) > MAX_ID:
            return
        for user in _sender_users(event):
            self._secrets[(wa_id, user)] = secret
        while len(self._secrets) > MAX_SECRETS:
            self._secrets.popitem(last=False)


def _sender_users(event: Any) -> list[str]:
    source = event.Info.MessageSource
    return [jid.User for jid in (source.Sender, source.SenderAlt) if jid.User]


def _decrypt_edit(event: Any, sealed: Any, secret: bytes) -> bytes | None:
    """The key depends on how the author was named when the message and when the edit was written."""
    source = event.Info.MessageSource
    names = [f"{jid.User}@{jid.Server}".encode() for jid in (source.Sender, source.SenderAlt) if jid.User]
    for original, editor in product(names, repeat=2):
        info = sealed.targetMessageKey.ID.encode() + original + editor + _HKDF_PURPOSE
        key = HKDF(SHA256(), SECRET_BYTES, salt=None, info=info).derive(secret)
        try:
            return AESGCM(key).decrypt(sealed.encIV, sealed.encPayload, None)
        except (InvalidTag, ValueError):  # ValueError: an initialisation vector of a length that cannot be
            continue
    return None


def _replace_by_edit(message: Any, plain: bytes, target_id: str) -> None:
    """By an edit as clients write it without this encryption. The plain text is one, or only the new message."""
    try:
        edited = type(message).FromString(plain)
    except DecodeError:
        return
    inner = edited.editedMessage.message if edited.HasField("editedMessage") else edited
    new = inner.protocolMessage.editedMessage if inner.HasField("protocolMessage") else inner
    message.Clear()
    protocol = message.protocolMessage
    protocol.type, protocol.key.ID = protocol.MESSAGE_EDIT, target_id
    protocol.editedMessage.CopyFrom(new)
