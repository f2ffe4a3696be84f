"""Key derivation in the shapes the protocol uses (HMAC-SHA256, HKDF-SHA256) and AES-CBC with PKCS#7 padding."""

import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

ZERO32 = bytes(32)
AES_BLOCK_BYTES = 16


def hmac256(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA256, 32 bytes."""
    return hmac.digest(key, data, "sha256")


def sha256(data: bytes) -> bytes:
    """SHA-256, 32 bytes."""
    return hashlib.sha256(data).digest()


def hkdf(secret: bytes, length: int, salt: bytes = ZERO32, info: bytes = b"") -> bytes:
    """HKDF-SHA256 (RFC 5869): `length` bytes, at most 255 blocks of 32."""
    pseudo_random = hmac256(salt, secret)
    out, block, counter = b"", b"", 1
    while len(out) < length:
        block = hmac256(pseudo_random, block + info + bytes([counter]))
        out += block
        counter += 1
    return out[:length]


def cbc_encrypt(key: bytes, iv: bytes, plain: bytes) -> bytes:
    """AES-CBC with PKCS#7 padding."""
    missing = AES_BLOCK_BYTES - len(plain) % AES_BLOCK_BYTES
    encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return encryptor.update(plain + bytes([missing]) * missing) + encryptor.finalize()


def cbc_decrypt(key: bytes, iv: bytes, cipher_text: bytes) -> bytes:
    """Inverse of `cbc_encrypt`. Raises ValueError when the padding is wrong."""
    decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    padded = decryptor.update(cipher_text) + decryptor.finalize()
    return strip_padding(padded, AES_BLOCK_BYTES)


def strip_padding(padded: bytes, longest: int) -> bytes:
    """Remove n trailing bytes of value n. Raises ValueError when they are not there."""
    if not padded or not 1 <= padded[-1] <= min(longest, len(padded)):
        raise ValueError("the padding is wrong: the key or the data is not the right one")
    return padded[: -padded[-1]]
