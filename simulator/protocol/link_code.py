"""The cryptography of pairing with an 8-character code, seen from the phone."""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from simulator.protocol.curve import KeyPair
from simulator.protocol.kdf import hkdf

ROUNDS = 2 << 16
BUNDLE_INFO = b"link_code_pairing_key_bundle_encryption_key"


class WrongCode(ValueError):
    """The code typed on the phone is not the one the companion shows."""


def _apply(code: str, salt: bytes, iv: bytes, data: bytes) -> bytes:
    key = PBKDF2HMAC(hashes.SHA256(), 32, salt, ROUNDS).derive(code.encode())
    stream = Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor()
    return stream.update(data) + stream.finalize()


def unwrap(code: str, wrapped: bytes) -> bytes:
    """The companion's ephemeral public key. A wrong code gives a wrong key, noticed only by `open_bundle`."""
    return _apply(code, wrapped[:32], wrapped[32:48], wrapped[48:80])


def wrap(code: str, public: bytes) -> bytes:
    """Salt 32, iv 16, encrypted public key 32."""
    salt, iv = os.urandom(32), os.urandom(16)
    return salt + iv + _apply(code, salt, iv, public)


def open_bundle(bundle: bytes, shared: bytes) -> tuple[bytes, bytes, bytes]:
    """(companion identity, phone identity, random) out of salt 32, nonce 12, sealed text. Raises WrongCode."""
    key = hkdf(shared, 32, salt=bundle[:32], info=BUNDLE_INFO)
    try:
        plain = AESGCM(key).decrypt(bundle[32:44], bundle[44:], None)
    except InvalidTag as error:
        raise WrongCode("this is not the code the companion shows: compare it and type it again") from error
    return plain[:32], plain[32:64], plain[64:96]


def adv_secret(shared: bytes, identity: KeyPair, companion_identity: bytes, random: bytes) -> bytes:
    """The secret that the QR code carries in the other way of pairing."""
    return hkdf(shared + identity.agree(companion_identity) + random, 32, info=b"adv_secret")
