"""The steps of handling one received message, and what is known about it when the next one is chosen. Pure."""

from dataclasses import dataclass
from enum import Enum, auto

from services.router.rules.classification import MessageClassification, OrganizationProfile
from services.router.rules.contact_identity import ContactObservation, ResolvedContact
from services.router.rules.message_keys import MessageKey
from services.router.rules.revisions import MessageChange
from shared.contracts.events import MessageReceived
from shared.contracts.records import Booking, MessageRecord


@dataclass(frozen=True)
class Loaded:
    """What is known about one message so far.

    contact: whose message it is; None until it is found unchanged or was resolved. contact_ids: all contacts with one
    of its addresses. quoted: the account's messages with the WhatsApp id that it names. stored: the record of an
    earlier delivery, or the placeholder in whose place it belongs. contact_is_remembered: the contact was read some
    seconds ago, which is enough for a record that is carried out with others.
    """

    profile: OrganizationProfile
    contact: ResolvedContact | None = None
    contact_ids: tuple[str, ...] = ()
    quoted: tuple[MessageRecord, ...] = ()
    stored: MessageRecord | None = None
    stored_contact_exists: bool = True
    contact_is_remembered: bool = False
    bulk_allowed: bool = True
    profile_is_fresh: bool = False
    stored_is_loaded: bool = False
    orphans_are_reassigned: bool = False


@dataclass(frozen=True)
class LoadFreshProfile:
    """Read who the owners are, and what they want, at this moment: the remembered profile may be seconds old."""


@dataclass(frozen=True)
class ResolveContact:
    """Create, complete or merge the contact, in a transaction of its own."""

    observation: ContactObservation


@dataclass(frozen=True)
class LoadStored:
    key: MessageKey


@dataclass(frozen=True)
class ReassignOrphans:
    """Move what other handlers wrote for contacts while these were merged into this one; with `repair_splits` also what
    they wrote while contacts were split from it."""

    observation: ContactObservation
    contact: ResolvedContact
    contact_ids: tuple[str, ...]
    repair_splits: bool


@dataclass(frozen=True)
class Drop:
    """Nothing is written or published."""

    reason: str


@dataclass(frozen=True)
class GiveBack:
    """NATS delivers it again later."""

    reason: str


@dataclass(frozen=True)
class Revise:
    """The message is an edit or revoke of another."""

    target: MessageRecord
    change: MessageChange


class Write(Enum):
    INSERT = auto()
    REVEAL = auto()
    """Put the readable copy in the place of its placeholder."""
    NONE = auto()
    """An earlier delivery stored it."""


@dataclass(frozen=True)
class Record:
    """Store and publish the message. booking: to be opened for it, `parallel` to others that are open."""

    event: MessageReceived
    classification: MessageClassification
    observation: ContactObservation | None
    contact: ResolvedContact | None
    message: MessageRecord
    key: MessageKey
    write: Write
    booking: Booking | None = None
    parallel: bool = False
    bulk: bool = False


Preparation = LoadFreshProfile | ResolveContact | LoadStored | ReassignOrphans
Step = Preparation | Drop | GiveBack | Revise | Record
