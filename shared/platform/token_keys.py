"""The Ed25519 key pair of the access tokens: the api signs with the private half, readers have the public half only.

Keys are base64 of DER (PKCS#8 for private keys, SubjectPublicKeyInfo for public ones), as OpenSSL writes them.
"""

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

MIN_DISTINCT_KEY_BYTES = 12
"""Of 32 random bytes at least 24 are distinct, except once in billions of keys."""
MAKE_PRIVATE = "`openssl genpkey -algorithm ed25519 -outform DER | base64 -w0`"
MAKE_PUBLIC = "`echo $WA_TOKEN_PRIVATE_KEY | base64 -d | openssl pkey -inform DER -pubout -outform DER | base64 -w0`"


class InvalidKey(ValueError):
    """The text is no usable key; the message says why and how to make one, and never repeats the text."""


@dataclass(frozen=True)
class SigningKey:
    """The private half. Only the api has one."""

    private: Ed25519PrivateKey

    @classmethod
    def generate(cls) -> "SigningKey":
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def parse(cls, text: str) -> "SigningKey":
        """Raises InvalidKey."""
        remedy = f"make one with {MAKE_PRIVATE}"
        try:
            key = serialization.load_der_private_key(_decoded(text), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise InvalidKey(f"not a private key (base64 of PKCS#8 DER); {remedy}") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise InvalidKey(f"a private key of another algorithm than Ed25519; {remedy}")
        if _is_weak(key.private_bytes_raw()):
            raise InvalidKey(f"a private key that is not random; {remedy}")
        return cls(key)

    @cached_property
    def kid(self) -> str:
        """Names the key in the header of its tokens."""
        return _kid(self.private.public_key())

    @property
    def text(self) -> str:
        """What `parse` reads."""
        der = self.private.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return base64.b64encode(der).decode()

    @property
    def public_text(self) -> str:
        """The public half, as `VerificationKeys.parse` reads it."""
        return base64.b64encode(_der(self.private.public_key())).decode()


@dataclass(frozen=True)
class VerificationKeys:
    """Public halves by key id. Several while a key pair is being replaced."""

    by_kid: Mapping[str, Ed25519PublicKey]

    @classmethod
    def parse(cls, text: str) -> "VerificationKeys":
        """One public key, or several with commas. Raises InvalidKey."""
        return cls.of(_public_key(part) for part in text.split(",") if part.strip())

    @classmethod
    def of(cls, keys: Iterable[Ed25519PublicKey]) -> "VerificationKeys":
        """Raises InvalidKey without any."""
        by_kid = {_kid(key): key for key in keys}
        if not by_kid:
            raise InvalidKey(f"no public key is given; make it with {MAKE_PUBLIC}")
        return cls(MappingProxyType(by_kid))


def _public_key(text: str) -> Ed25519PublicKey:
    remedy = f"make it from the private key with {MAKE_PUBLIC}"
    try:
        key = serialization.load_der_public_key(_decoded(text))
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InvalidKey(f"not a public key (base64 of SubjectPublicKeyInfo DER); {remedy}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidKey(f"a public key of another algorithm than Ed25519; {remedy}")
    if _is_weak(key.public_bytes_raw()):
        raise InvalidKey(f"a public key that was not made from a random private key; {remedy}")
    return key


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def _is_weak(raw: bytes) -> bool:
    return len(set(raw)) < MIN_DISTINCT_KEY_BYTES


def _der(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _kid(key: Ed25519PublicKey) -> str:
    return hashlib.sha256(_der(key)).hexdigest()[:16]
