"""Groups: one sender's chain in one group, and its wire forms."""

import os
import secrets
from dataclasses import dataclass, field

from simulator.protocol.curve import DJB, KeyPair, verify
from simulator.protocol.kdf import cbc_decrypt, cbc_encrypt, hkdf, hmac256
from simulator.protocol.session import MAX_SKIP, VERSION, advance
from simulator.protocol.tiny_protobuf import ProtobufFields, pack

SIGNATURE_LENGTH = 64


def _keys(chain: bytes) -> tuple[bytes, bytes]:
    material = hkdf(hmac256(chain, b"\x01"), 48, info=b"WhisperGroup")
    return material[:16], material[16:]


@dataclass
class SenderKey:
    """Own chains hold the signing pair, received ones only its public half."""

    key_id: int
    chain: bytes
    signing_public: bytes
    iteration: int = 0
    signing: KeyPair | None = None
    skipped: dict[int, bytes] = field(default_factory=dict)

    @classmethod
    def new(cls) -> "SenderKey":
        pair = KeyPair.new()
        return cls(secrets.randbits(31), os.urandom(32), pair.public, signing=pair)

    @classmethod
    def from_distribution(cls, raw: bytes) -> "SenderKey":
        fields = ProtobufFields(raw[1:])
        return cls(fields.number(1), fields.data(3), fields.data(4)[1:], fields.number(2))

    def distribution(self) -> bytes:
        """What the others need to read this chain from here on."""
        return VERSION + pack([(1, self.key_id), (2, self.iteration), (3, self.chain), (4, DJB + self.signing_public)])

    def encrypt(self, plain: bytes) -> bytes:
        """Raises ValueError when the chain is somebody else's."""
        if self.signing is None:
            raise ValueError("only the owner of a sender key can write with it")
        iv, key = _keys(self.chain)
        body = VERSION + pack([(1, self.key_id), (2, self.iteration), (3, cbc_encrypt(key, iv, plain))])
        self.chain, self.iteration = advance(self.chain), self.iteration + 1
        return body + self.signing.sign(body)

    def decrypt(self, message: bytes) -> bytes:
        """Raises ValueError for a wrong signature, a repeated message or one too far ahead."""
        body, signature = message[:-SIGNATURE_LENGTH], message[-SIGNATURE_LENGTH:]
        if not verify(self.signing_public, body, signature):
            raise ValueError("the signature of the sender key is wrong")
        fields = ProtobufFields(body[1:])
        number = fields.number(2)
        if number - self.iteration > MAX_SKIP:
            raise ValueError("the message is too far in the future")
        while self.iteration <= number:
            self.skipped[self.iteration] = self.chain
            self.chain, self.iteration = advance(self.chain), self.iteration + 1
        if number not in self.skipped:
            raise ValueError("the message was decrypted before")
        iv, key = _keys(self.skipped.pop(number))
        return cbc_decrypt(key, iv, fields.data(3))
