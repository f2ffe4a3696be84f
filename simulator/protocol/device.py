"""A Signal device: identity, prekeys and its sessions (X3DH on both sides)."""

import os
import secrets
from dataclasses import dataclass, field

from simulator.protocol.curve import DJB, KeyPair
from simulator.protocol.kdf import hkdf, strip_padding
from simulator.protocol.session import Chain, PendingPreKey, Session, next_root
from simulator.protocol.tiny_protobuf import Fields

ONE_TIME_KEYS = 20
KEPT_SESSIONS = 5


@dataclass(frozen=True)
class PreKeyBundle:
    """What somebody needs to open a session with a device. Keys are 32 bytes, the signature 64."""

    registration_id: int
    identity: bytes
    signed_id: int
    signed_public: bytes
    signature: bytes
    one_time_id: int | None = None
    one_time_public: bytes | None = None


def pad(plain: bytes) -> bytes:
    """n bytes of value n behind the text, n from 1 to 15."""
    count = os.urandom(1)[0] & 15 or 15
    return plain + bytes([count]) * count


def unpad(padded: bytes) -> bytes:
    """Inverse of `pad`. Raises ValueError."""
    return strip_padding(padded, 255)


def _x3dh(*secrets_agreed: bytes) -> tuple[bytes, bytes]:
    material = hkdf(b"\xff" * 32 + b"".join(secrets_agreed), 64, info=b"WhisperText")
    return material[:32], material[32:]


@dataclass
class Device:
    """Everything one simulated device keeps. `sessions` has the current session first, then older ones, by address."""

    identity: KeyPair
    registration_id: int
    signed: KeyPair
    one_time: dict[int, KeyPair]
    signed_id: int = 1
    next_one_time: int = 1
    sessions: dict[str, list[Session]] = field(default_factory=dict)

    @classmethod
    def new(cls) -> "Device":
        one_time = {number: KeyPair.new() for number in range(1, ONE_TIME_KEYS + 1)}
        return cls(KeyPair.new(), secrets.randbelow(16380) + 1, KeyPair.new(), one_time)

    def bundle(self) -> PreKeyBundle:
        """A bundle with a fresh one-time key while there are any."""
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

    def knows(self, address: str) -> bool:
        return bool(self.sessions.get(address))

    def forget(self, address: str) -> None:
        """As if this device had restored an old backup: the next message of `address` cannot be read."""
        self.sessions.pop(address, None)

    def open(self, address: str, bundle: PreKeyBundle) -> None:
        """Start a session from somebody's bundle."""
        base, ratchet = KeyPair.new(), KeyPair.new()
        agreed = [self.identity.agree(bundle.signed_public), base.agree(bundle.identity)]
        agreed.append(base.agree(bundle.signed_public))
        if bundle.one_time_public:
            agreed.append(base.agree(bundle.one_time_public))
        root, first_chain = _x3dh(*agreed)
        root, send_chain = next_root(root, ratchet.agree(bundle.signed_public))
        pending = PendingPreKey(self.registration_id, bundle.one_time_id, bundle.signed_id, base.public)
        session = Session(
            ours=self.identity.typed_public,
            theirs=DJB + bundle.identity,
            root=root,
            ratchet=ratchet,
            send_chain=send_chain,
            base_key=base.public,
            receiving={DJB + bundle.signed_public: Chain(first_chain)},
            pending=pending,
        )
        self._keep(address, session)

    def encrypt(self, address: str, plain: bytes) -> tuple[str, bytes]:
        """-> ("msg" | "pkmsg", wire bytes). Raises ValueError without a session."""
        if not self.knows(address):
            raise ValueError(f"no session with {address}")
        return self.sessions[address][0].encrypt(plain)

    def decrypt(self, address: str, kind: str, message: bytes) -> bytes:
        """Raises ValueError when no session of `address` can read the message."""
        if kind == "pkmsg":
            fields = Fields(message[1:])
            candidates, message = [self._accepted(address, fields)], fields.data(4)
        else:
            candidates = list(self.sessions.get(address, ()))
        reason: ValueError = ValueError(f"no session with {address}")
        for session in candidates:
            try:
                plain, after = session.decrypt(message)
            except ValueError as error:
                reason = error
                continue
            self._keep(address, after)
            return plain
        raise reason

    def _accepted(self, address: str, fields: Fields) -> Session:
        base, their_identity = fields.data(2)[1:], fields.data(3)
        for known in self.sessions.get(address, ()):
            if known.base_key == base:
                return known
        agreed = [self.signed.agree(their_identity[1:]), self.identity.agree(base), self.signed.agree(base)]
        one_time_id = fields.optional_number(1)
        if one_time_id is not None:
            if one_time_id not in self.one_time:
                raise ValueError(f"the one-time key {one_time_id} was never ours")
            agreed.append(self.one_time[one_time_id].agree(base))
        root, chain = _x3dh(*agreed)
        return Session(self.identity.typed_public, their_identity, root, self.signed, chain, base)

    def _keep(self, address: str, session: Session) -> None:
        older = [known for known in self.sessions.get(address, ()) if known.base_key != session.base_key]
        self.sessions[address] = [session, *older][:KEPT_SESSIONS]
