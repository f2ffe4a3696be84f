"""The key of a message: chat, sender, direction and WhatsApp's id, which the sender's client chooses. Pure.

WhatsApp writes one person as a phone number, as a LID, or as both, and delivers one message under either. So a key has
all addresses known of the other person, and two keys are the same message when they share one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from services.router.rules.stored_message import StoredMessage
from shared.contracts.addresses import alias_of_address
from shared.contracts.events import MessageReceived
from shared.contracts.ids import derived_id
from shared.contracts.message_identity import OWN, identity, other_party
from shared.contracts.records import Contact


@dataclass(frozen=True)
class MessageKey:
    """`other_party`: addresses (`phone:…`, `lid:…`) of the person who wrote it (inbound) or to whom it was written
    (outbound). In a group those of the author, or OWN."""

    instance_id: str
    wa_id: str
    direction: Literal["inbound", "outbound"]
    group: str | None
    other_party: tuple[str, ...]

    def matches(self, stored: StoredMessage) -> bool:
        """Whether the stored message is the one this key names."""
        return (
            stored["wa_id"] == self.wa_id
            and stored["instance_id"] == self.instance_id
            and stored["direction"] == self.direction
            and stored.get("group") == self.group
            and not set(self.other_party).isdisjoint(stored_party(stored))
        )


def message_key(event: MessageReceived, contact: Contact | None = None) -> MessageKey:
    """`contact`: whose message it is, when that is known; it may have more addresses than the event names."""
    direction: Literal["inbound", "outbound"] = "outbound" if event.from_me else "inbound"
    party = _party_of(event)
    if contact and not event.group and (contact.phone_number or contact.lid):
        party = tuple(dict.fromkeys([*party, *contact.party.aliases]))
    return MessageKey(event.instance_id, event.wa_id, direction, event.group, party)


def record_id(event: MessageReceived) -> str:
    """The same event gives the same id, also when it is delivered again."""
    return derived_id(event.instance_id, *identity(event.wa_id, event.from_me, event.group, _party_of(event)))


def stored_party(message: StoredMessage) -> list[str]:
    """As stored; of a record that an earlier version wrote, the address it shows."""
    if (stored := message.get("other_party")) is not None:
        return stored
    inbound = message["direction"] == "inbound"
    if message.get("group") and not inbound:
        return [OWN]
    return [alias_of_address(message["from_address"] if inbound else message["to_address"])]


def may_be_same_person(one: Iterable[str], other: Iterable[str]) -> bool:
    """Whether two lists of addresses may be one person's: they share one, or have no kind in common. Receipts often
    name a LID that we did not know before."""
    here, there = set(one), set(other)
    return not here.isdisjoint(there) or {_kind(alias) for alias in here}.isdisjoint(map(_kind, there))


def _party_of(event: MessageReceived) -> tuple[str, ...]:
    return other_party(event.from_me, event.group, event.sender, event.chat)


def _kind(alias: str) -> str:
    return alias.partition(":")[0]
