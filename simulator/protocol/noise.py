"""Noise_XX_25519_AESGCM_SHA256 as WhatsApp uses it: responder, initiator (for tests), certificate chain, transport."""

import struct
import time
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from simulator.protocol.curve import KeyPair
from simulator.protocol.frames import CONNECTION_HEADER
from simulator.protocol.kdf import hkdf, sha256
from simulator.protocol.protos import CertChain, ClientPayload, HandshakeMessage

PATTERN = b"Noise_XX_25519_AESGCM_SHA256\x00\x00\x00\x00"  # exactly 32 bytes, hence used unhashed
DAY_S = 86400


def _nonce(counter: int) -> bytes:
    return bytes(8) + struct.pack(">I", counter)


@dataclass(frozen=True)
class NoiseKeys:
    """The simulator's Noise authority. A client trusts it once `root.public` replaces the root it has pinned."""

    root: KeyPair
    static: KeyPair

    @classmethod
    def new(cls) -> "NoiseKeys":
        return cls(KeyPair.new(), KeyPair.new())

    def certificate_chain(self) -> bytes:
        """Serialised CertChain: root signs an intermediate, that signs the static key. Valid for a year."""
        certificate, now, intermediate = CertChain.NoiseCertificate, int(time.time()), KeyPair.new()
        life = {"notBefore": now - DAY_S, "notAfter": now + 365 * DAY_S}
        middle = certificate.Details(serial=1, issuerSerial=0, key=intermediate.public, **life).SerializeToString()
        leaf = certificate.Details(serial=2, issuerSerial=1, key=self.static.public, **life).SerializeToString()
        chain = CertChain(
            leaf=certificate(details=leaf, signature=intermediate.sign(leaf)),
            intermediate=certificate(details=middle, signature=self.root.sign(middle)),
        )
        return bytes(chain.SerializeToString())


class CipherState:
    """Transport encryption after the handshake: two keys, two counters, no associated data."""

    def __init__(self, read: bytes, write: bytes) -> None:
        self._read, self._write = AESGCM(read), AESGCM(write)
        self._read_count = self._write_count = 0

    def encrypt(self, plain: bytes) -> bytes:
        sealed = self._write.encrypt(_nonce(self._write_count), plain, None)
        self._write_count += 1
        return sealed

    def decrypt(self, sealed: bytes) -> bytes:
        """Raises cryptography's InvalidTag when the frame is not the next one of this connection."""
        plain = self._read.decrypt(_nonce(self._read_count), sealed, None)
        self._read_count += 1
        return plain


class SymmetricState:
    """Running hash, salt and cipher of a handshake."""

    def __init__(self) -> None:
        self._hash = self._salt = PATTERN
        self._cipher, self._count = AESGCM(PATTERN), 0
        self.authenticate(CONNECTION_HEADER)

    def authenticate(self, data: bytes) -> None:
        self._hash = sha256(self._hash + data)

    def mix(self, secret: bytes) -> None:
        material = hkdf(secret, 64, salt=self._salt)
        self._salt, self._cipher, self._count = material[:32], AESGCM(material[32:]), 0

    def encrypt(self, plain: bytes) -> bytes:
        sealed = self._cipher.encrypt(_nonce(self._count), plain, self._hash)
        self._count += 1
        self.authenticate(sealed)
        return sealed

    def decrypt(self, sealed: bytes) -> bytes:
        plain = self._cipher.decrypt(_nonce(self._count), sealed, self._hash)
        self._count += 1
        self.authenticate(sealed)
        return plain

    def split(self) -> tuple[bytes, bytes]:
        """Keys of both directions: client to server, server to client."""
        material = hkdf(b"", 64, salt=self._salt)
        return material[:32], material[32:]


class NoiseResponder:
    """The server's side: `hello` answers the first frame, `finish` takes the second."""

    def __init__(self, keys: NoiseKeys, chain: bytes) -> None:
        self._keys, self._chain = keys, chain
        self._state, self._ephemeral = SymmetricState(), KeyPair.new()

    def hello(self, client_hello: bytes) -> bytes:
        theirs = HandshakeMessage.FromString(client_hello).clientHello.ephemeral
        self._state.authenticate(theirs)
        self._state.authenticate(self._ephemeral.public)
        self._state.mix(self._ephemeral.agree(theirs))
        answer = HandshakeMessage()
        answer.serverHello.ephemeral = self._ephemeral.public
        answer.serverHello.static = self._state.encrypt(self._keys.static.public)
        self._state.mix(self._keys.static.agree(theirs))
        answer.serverHello.payload = self._state.encrypt(self._chain)
        return bytes(answer.SerializeToString())

    def finish(self, client_finish: bytes) -> tuple[bytes, Any, CipherState]:
        """-> (the client's static public key, ClientPayload, transport)."""
        message = HandshakeMessage.FromString(client_finish).clientFinish
        static = self._state.decrypt(message.static)
        self._state.mix(self._ephemeral.agree(static))
        payload = ClientPayload.FromString(self._state.decrypt(message.payload))
        to_server, to_client = self._state.split()
        return static, payload, CipherState(read=to_server, write=to_client)


class NoiseInitiator:
    """The client's side, for tests and for looking at a server by hand."""

    def __init__(self, static: KeyPair) -> None:
        self._static, self._ephemeral = static, KeyPair.new()
        self._state = SymmetricState()
        self.chain = b""

    def hello(self) -> bytes:
        message = HandshakeMessage()
        message.clientHello.ephemeral = self._ephemeral.public
        self._state.authenticate(self._ephemeral.public)
        return bytes(message.SerializeToString())

    def finish(self, server_hello: bytes, payload: bytes) -> tuple[bytes, CipherState]:
        """-> (client finish, transport). The certificate chain shown stands in `chain` afterwards."""
        hello = HandshakeMessage.FromString(server_hello).serverHello
        self._state.authenticate(hello.ephemeral)
        self._state.mix(self._ephemeral.agree(hello.ephemeral))
        server_static = self._state.decrypt(hello.static)
        self._state.mix(self._ephemeral.agree(server_static))
        self.chain = self._state.decrypt(hello.payload)
        message = HandshakeMessage()
        message.clientFinish.static = self._state.encrypt(self._static.public)
        self._state.mix(self._static.agree(hello.ephemeral))
        message.clientFinish.payload = self._state.encrypt(payload)
        to_server, to_client = self._state.split()
        return bytes(message.SerializeToString()), CipherState(read=to_client, write=to_server)
