"""Accounts, their linked devices, and groups; all of it can be stored."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator.protocol.appstate import AppState
from simulator.protocol.device import PreKeyBundle, SignalDevice
from simulator.protocol.jid import LID_SERVER, PHONE_SERVER, Jid
from simulator.protocol.sender_keys import SenderKey

if TYPE_CHECKING:
    from simulator.server.connection import ClientConnection

TRANSIENT = {"kept": False}


@dataclass
class Faults:
    """Simulated faults of one account; the defaults are no fault."""

    fail_login: dict[str, str] | None = None
    answer_pings: bool = True
    hold_message_acks: bool = False
    message_error: int | None = None
    refuse_connections: bool = False
    media_fail_with: int | None = None


@dataclass
class Companion:
    """A linked device: its uploaded keys (32 bytes each), and its connection while it has one."""

    number: str
    lid_user: str
    device: int
    noise_public: bytes
    identity: bytes
    key_index: int
    registration_id: int
    signed_id: int
    signed_public: bytes
    signature: bytes
    signed_identity: bytes = b""
    one_time: dict[int, bytes] = field(default_factory=dict)
    logins: int = 0
    active: bool = field(default=False, metadata=TRANSIENT)
    available: bool = field(default=False, metadata=TRANSIENT)
    connection: "Any" = field(default=None, metadata=TRANSIENT, repr=False, compare=False)

    @property
    def pn(self) -> Jid:
        return Jid(self.number, PHONE_SERVER, self.device)

    @property
    def lid(self) -> Jid:
        return Jid(self.lid_user, LID_SERVER, self.device)

    @property
    def online(self) -> "ClientConnection | None":
        """The connection, once the device has declared itself active."""
        return self.connection if self.active else None

    def bundle(self) -> PreKeyBundle:
        """A prekey bundle; it uses up a one-time key while there are any."""
        number = next(iter(self.one_time), None)
        one_time = None if number is None else self.one_time.pop(number)
        signed = (self.signed_id, self.signed_public, self.signature)
        return PreKeyBundle(self.registration_id, self.identity, *signed, number, one_time)


@dataclass
class OwnChain:
    """The account's own sender key in one group, and the devices that have it."""

    key: SenderKey
    known_to: list[str] = field(default_factory=list)


@dataclass
class SimulatedAccount:
    """A phone number with the role `phone` (a user's phone, can have companions) or `contact` (writes to phones)."""

    number: str
    lid_user: str
    name: str
    role: str
    device: SignalDevice = field(default_factory=SignalDevice.new)
    companions: dict[int, Companion] = field(default_factory=dict)
    next_device: int = 1
    key_index: int = 0
    app_state: AppState = field(default_factory=AppState)
    verified_name: str = ""
    addressing: str = "lid"
    auto_receipts: list[str] = field(default_factory=list)
    sender_keys: dict[str, SenderKey] = field(default_factory=dict)
    own_chains: dict[str, OwnChain] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)

    @property
    def pn(self) -> Jid:
        return Jid(self.number, PHONE_SERVER)

    @property
    def lid(self) -> Jid:
        return Jid(self.lid_user, LID_SERVER)


@dataclass
class SimulatedGroup:
    """Members by phone number; the first one created it."""

    id: str
    subject: str
    members: list[str]
    created: int

    @property
    def jid(self) -> Jid:
        return Jid(self.id, "g.us")
