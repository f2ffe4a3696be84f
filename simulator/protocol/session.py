"""One Signal session: double ratchet with out-of-order and skipped messages (libsignal version 3 wire form)."""

from dataclasses import dataclass, field, replace

from simulator.protocol.curve import DJB, KeyPair
from simulator.protocol.kdf import cbc_decrypt, cbc_encrypt, hkdf, hmac256
from simulator.protocol.tiny_protobuf import ProtobufFields, pack

VERSION = bytes([0x33])  # current version 3, oldest version 3
MAX_SKIP = 2000
MAX_CHAINS = 5
MAC_LENGTH = 8


@dataclass
class ReceivingChain:
    """A receiving chain: its key and the number of the next message."""

    key: bytes
    index: int = 0


@dataclass(frozen=True)
class PendingPreKey:
    """The header fields of prekey messages, which are sent until the other device has answered."""

    registration_id: int
    one_time_id: int | None
    signed_id: int
    base_public: bytes


def message_keys(chain: bytes) -> tuple[bytes, bytes, bytes]:
    """(cipher key, MAC key, iv) of the message at this chain key."""
    material = hkdf(hmac256(chain, b"\x01"), 80, info=b"WhisperMessageKeys")
    return material[:32], material[32:64], material[64:]


def advance(chain: bytes) -> bytes:
    """The next chain key."""
    return hmac256(chain, b"\x02")


def next_root(root: bytes, secret: bytes) -> tuple[bytes, bytes]:
    """(root key, chain key) after a Diffie-Hellman step."""
    material = hkdf(secret, 64, salt=root, info=b"WhisperRatchet")
    return material[:32], material[32:]


@dataclass
class SignalSession:
    """State of one conversation between two devices. Identities are in the 33-byte form."""

    ours: bytes
    theirs: bytes
    root: bytes
    ratchet: KeyPair
    send_chain: bytes
    base_key: bytes
    send_index: int = 0
    previous_index: int = 0
    receiving: dict[bytes, ReceivingChain] = field(default_factory=dict)
    skipped: dict[tuple[bytes, int], bytes] = field(default_factory=dict)
    pending: PendingPreKey | None = None

    def encrypt(self, plain: bytes) -> tuple[str, bytes]:
        """-> ("msg" | "pkmsg", wire bytes)."""
        cipher_key, mac_key, iv = message_keys(self.send_chain)
        body = VERSION + pack(
            [
                (1, self.ratchet.typed_public),
                (2, self.send_index),
                (3, self.previous_index),
                (4, cbc_encrypt(cipher_key, iv, plain)),
            ]
        )
        message = body + hmac256(mac_key, self.ours + self.theirs + body)[:MAC_LENGTH]
        self.send_chain, self.send_index = advance(self.send_chain), self.send_index + 1
        return ("msg", message) if self.pending is None else ("pkmsg", self._with_prekey(self.pending, message))

    def _with_prekey(self, pending: PendingPreKey, message: bytes) -> bytes:
        head: list[tuple[int, int | bytes]] = [] if pending.one_time_id is None else [(1, pending.one_time_id)]
        return VERSION + pack(
            [
                *head,
                (2, DJB + pending.base_public),
                (3, self.ours),
                (4, message),
                (5, pending.registration_id),
                (6, pending.signed_id),
            ]
        )

    def decrypt(self, message: bytes) -> tuple[bytes, "SignalSession"]:
        """-> (plaintext, the session afterwards); `self` is unchanged. Raises ValueError when it cannot decrypt."""
        after = replace(
            self,
            receiving={key: ReceivingChain(chain.key, chain.index) for key, chain in self.receiving.items()},
            skipped=dict(self.skipped),
        )
        return after._read(message), after

    def _read(self, message: bytes) -> bytes:
        body, mac = message[:-MAC_LENGTH], message[-MAC_LENGTH:]
        fields = ProtobufFields(body[1:])
        chain_key = self._chain_key(fields.data(1), fields.number(2))
        cipher_key, mac_key, iv = message_keys(chain_key)
        if hmac256(mac_key, self.theirs + self.ours + body)[:MAC_LENGTH] != mac:
            raise ValueError("the message authentication code is wrong")
        self.pending = None  # the other device has the session: send no more prekey headers
        return cbc_decrypt(cipher_key, iv, fields.data(4))

    def _chain_key(self, their_ratchet: bytes, number: int) -> bytes:
        skipped_key = self.skipped.pop((their_ratchet, number), None)
        if skipped_key is not None:
            return skipped_key
        if their_ratchet not in self.receiving:
            self._step(their_ratchet)
        chain = self.receiving[their_ratchet]
        if number < chain.index:
            raise ValueError("the message was decrypted before")
        if number - chain.index > MAX_SKIP:
            raise ValueError("the message is too far in the future")
        while chain.index < number:
            self.skipped[(their_ratchet, chain.index)] = chain.key
            chain.key, chain.index = advance(chain.key), chain.index + 1
        key = chain.key
        chain.key, chain.index = advance(key), number + 1
        return key

    def _step(self, their_ratchet: bytes) -> None:
        root, chain = next_root(self.root, self.ratchet.agree(their_ratchet[1:]))
        self.receiving[their_ratchet] = ReceivingChain(chain)
        while len(self.receiving) > MAX_CHAINS:
            self.receiving.pop(next(iter(self.receiving)))
        self.ratchet = KeyPair.new()
        self.root, self.send_chain = next_root(root, self.ratchet.agree(their_ratchet[1:]))
        self.previous_index, self.send_index = max(self.send_index - 1, 0), 0
