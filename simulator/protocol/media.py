"""Encryption of media files: the blob on the media host, and the key that travels inside the message."""

import os
from dataclasses import dataclass

from simulator.protocol.kdf import cbc_decrypt, cbc_encrypt, hkdf, hmac256

INFO = {
    "image": b"WhatsApp Image Keys",
    "sticker": b"WhatsApp Image Keys",
    "video": b"WhatsApp Video Keys",
    "audio": b"WhatsApp Audio Keys",
    "document": b"WhatsApp Document Keys",
}
MAC_LENGTH = 10


@dataclass(frozen=True)
class EncryptedMedia:
    """`blob` = cipher text and 10 bytes of MAC; `key` = 32 bytes."""

    key: bytes
    blob: bytes


def _keys(media_key: bytes, kind: str) -> tuple[bytes, bytes, bytes]:
    material = hkdf(media_key, 112, info=INFO[kind])
    return material[:16], material[16:48], material[48:80]


def encrypt(plain: bytes, kind: str) -> EncryptedMedia:
    """Raises KeyError for an unknown kind."""
    key = os.urandom(32)
    iv, cipher_key, mac_key = _keys(key, kind)
    cipher_text = cbc_encrypt(cipher_key, iv, plain)
    return EncryptedMedia(key, cipher_text + hmac256(mac_key, iv + cipher_text)[:MAC_LENGTH])


def decrypt(media: EncryptedMedia, kind: str) -> bytes:
    """Raises ValueError when the MAC is wrong."""
    iv, cipher_key, mac_key = _keys(media.key, kind)
    cipher_text, mac = media.blob[:-MAC_LENGTH], media.blob[-MAC_LENGTH:]
    if hmac256(mac_key, iv + cipher_text)[:MAC_LENGTH] != mac:
        raise ValueError("the media's authentication code is wrong")
    return cbc_decrypt(cipher_key, iv, cipher_text)
