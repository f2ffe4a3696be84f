"""A Signal device: identity, prekeys and its sessions (X3DH on both sides)."""

import os
import secrets
from dataclasses import dataclass, field

from simulator.protocol.curve import DJB, KeyPair
from simulator.protocol.kdf import hkdf, strip_padding
from simulator.protocol.session import PendingPreKey, ReceivingChain, SignalSession, next_root
from simulator.protocol.tiny_protobuf import ProtobufFields

ONE_TIME_KEYS = 20
MAX_SESSIONS_PER_ADDRESS = 5


@dataclass(frozen=True)
class PreKeyBundle:
    """The public keys with which another device starts a session. Keys are 32 bytes, the signature 64."""

    registration_id: int
    identity: bytes
    signed_id: int
    signed_public: bytes
    signature: bytes
    one_time_id: int | None = None
    one_time_public: bytes | None = None


def pad(plain: bytes) -> bytes:
    """Appends n bytes of value n, with a random n from 1 to 15."""
    count = os.urandom(1)[0] & 15 or 15
    return plain + bytes([count]) * count


def unpad(padded: bytes) -> bytes:
    """Inverse of `pad`. Raises ValueError."""
    return strip_padding(padded, 255)


def _x3dh(*secrets_agreed: bytes) -> tuple[bytes, bytes]:
    material = hkdf(b"\xff" * 32 + b"".join(secrets_agreed), 64, info=b"WhisperText")
    return material[:32], material[32:]


@dataclass
class SignalDevice:
    """The keys and sessions of one simulated device. `sessions`: by address, the current one first, then older ones."""

    identity: KeyPair
    registration_id: int
    signed: KeyPair
    one_time: dict[int, KeyPair]
    signed_id: int = 1
    next_one_time: int = 1
    sessions: dict[str, list[SignalSession]] = field(default_factory=dict)

    @classmethod
    def new(cls) -> "SignalDevice":
        one_time = {number: KeyPair.new() for number in range(1, ONE_TIME_KEYS + 1)}
        return cls(KeyPair.new(), secrets.randbelow(16380) + 1, KeyPair.new(), one_time)

    def bundle(self) -> PreKeyBundle:
        """A bundle with an unused one-time key while there are any."""
        one_time = self.one_time.get(self.next_one_time)
        number = self.next_one_time if one_time else None
        self.next_one_time += 1 if one_time else 0
        return PreKeyBundle(
            self.registration_id,
            self.identity.public,
            self.signed_id,
            self.signed.public,
            self.identity.sign(self.signed.typed_public),
            number,
            one_time.public if one_time else None,
        )

    def has_session(self, address: str) -> bool:
        return bool(self.sessions.get(address))

    def delete_sessions(self, address: str) -> None:
        """As if this device had restored an old backup: it cannot decrypt the next message of `address`."""
        self.sessions.pop(address, None)

    def start_session(self, address: str, bundle: PreKeyBundle) -> None:
        """Starts a session with the device of this bundle."""
        base, ratchet = KeyPair.new(), KeyPair.new()
        agreed = [self.identity.agree(bundle.signed_public), base.agree(bundle.identity)]
        agreed.append(base.agree(bundle.signed_public))
        if bundle.one_time_public:
            agreed.append(base.agree(bundle.one_time_public))
        root, first_chain = _x3dh(*agreed)
        root, send_chain = next_root(root, ratchet.agree(bundle.signed_public))
        pending = PendingPreKey(self.registration_id, bundle.one_time_id, bundle.signed_id, base.public)
        session = SignalSession(
            ours=self.identity.typed_public,
            theirs=DJB + bundle.identity,
            root=root,
            ratchet=ratchet,
            send_chain=send_chain,
            base_key=base.public,
            receiving={DJB + bundle.signed_public: ReceivingChain(first_chain)},
            pending=pending,
        )
        self._store_session(address, session)

    def encrypt(self, address: str, plain: bytes) -> tuple[str, bytes]:
        """-> ("msg" | "pkmsg", wire bytes). Raises ValueError without a session."""
        if not self.has_session(address):
            raise ValueError(f"no session with {address}")
        return self.sessions[address][0].encrypt(plain)

    def decrypt(self, address: str, kind: str, message: bytes) -> bytes:
        """Raises ValueError when no session of `address` can decrypt the message."""
        if kind == "pkmsg":
            fields = ProtobufFields(message[1:])
            candidates, message = [self._session_from_prekey_message(address, fields)], fields.data(4)
        else:
            candidates = list(self.sessions.get(address, ()))
        reason: ValueError = ValueError(f"no session with {address}")
        for session in candidates:
            try:
                plain, after = session.decrypt(message)
            except ValueError as error:
                reason = error
                continue
            self._store_session(address, after)
            return plain
        raise reason

    def _session_from_prekey_message(self, address: str, fields: ProtobufFields) -> SignalSession:
        base, their_identity = fields.data(2)[1:], fields.data(3)
        for session in self.sessions.get(address, ()):
            if session.base_key == base:
                return session
        agreed = [self.signed.agree(their_identity[1:]), self.identity.agree(base), self.signed.agree(base)]
        one_time_id = fields.optional_number(1)
        if one_time_id is not None:
            if one_time_id not in self.one_time:
                raise ValueError(f"the one-time key {one_time_id} was never ours")
            agreed.append(self.one_time[one_time_id].agree(base))
        root, chain = _x3dh(*agreed)
        return SignalSession(self.identity.typed_public, their_identity, root, self.signed, chain, base)

    def _store_session(self, address: str, session: SignalSession) -> None:
        older = [other for other in self.sessions.get(address, ()) if other.base_key != session.base_key]
        self.sessions[address] = [session, *older][:MAX_SESSIONS_PER_ADDRESS]
