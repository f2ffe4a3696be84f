"""Curve25519 key pairs and the Signal flavour of Ed25519 signatures (XEdDSA).

A public key is 32 raw bytes on the wire; inside Signal messages a type byte 0x05 stands before it.
"""

import os
from dataclasses import dataclass

import xeddsa
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

DJB = b"\x05"
SIGN_BIT = 0x80


@dataclass(frozen=True)
class KeyPair:
    """A clamped X25519 private key (32 bytes) and its public key (32 bytes)."""

    private: bytes
    public: bytes

    @classmethod
    def new(cls) -> "KeyPair":
        return cls.from_private(os.urandom(32))

    @classmethod
    def from_private(cls, raw: bytes) -> "KeyPair":
        scalar = bytearray(raw)  # clamped once, so that XEdDSA and X25519 agree on the scalar
        scalar[0] &= 248
        scalar[31] = (scalar[31] & 127) | 64
        private = bytes(scalar)
        public = X25519PrivateKey.from_private_bytes(private).public_key()
        return cls(private, public.public_bytes(Encoding.Raw, PublicFormat.Raw))

    @property
    def typed_public(self) -> bytes:
        """The 33-byte form of Signal messages."""
        return DJB + self.public

    def agree(self, their_public: bytes) -> bytes:
        """Diffie-Hellman: 32 shared bytes."""
        mine = X25519PrivateKey.from_private_bytes(self.private)
        return mine.exchange(X25519PublicKey.from_public_bytes(their_public))

    def sign(self, message: bytes) -> bytes:
        """64 bytes. The Ed25519 sign bit is forced to 0, so that any libsignal verifier accepts the signature."""
        return bytes(xeddsa.ed25519_priv_sign(xeddsa.priv_force_sign(self.private, False), message))


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Check a libsignal signature. Old signers keep the Ed25519 sign bit in bit 7 of byte 63."""
    raw = public[1:] if len(public) == 33 else public
    ed_public = xeddsa.curve25519_pub_to_ed25519_pub(raw, bool(signature[63] & SIGN_BIT))
    clean = signature[:63] + bytes([signature[63] & ~SIGN_BIT])
    try:
        Ed25519PublicKey.from_public_bytes(ed_public).verify(clean, message)
    except InvalidSignature:
        return False
    return True
