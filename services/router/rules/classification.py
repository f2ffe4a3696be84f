"""What a received message is: from a contact, sent by an owner from their phone, or an owner's note. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from shared.contracts.events import MessageReceived
from shared.contracts.message_type import MessageType
from shared.contracts.records import OrganizationSettings, Party
from shared.text.text_match import has_letter_or_digit

_CONTENT_MEDIA = frozenset(
    {MessageType.IMAGE, MessageType.VIDEO, MessageType.AUDIO, MessageType.VOICE, MessageType.DOCUMENT}
)
"""Media that may hold a question; a sticker is like an emoji."""
PLACEHOLDER_TYPES = frozenset({MessageType.UNDECRYPTABLE, MessageType.UNAVAILABLE})
"""Types of messages whose content this device could not read; a readable copy with the same WhatsApp id may follow."""
REVISION_TYPES = frozenset({MessageType.EDIT, MessageType.REVOKE})
"""Types of messages that change an earlier one of the same author."""
NON_BOOKING_TYPES = frozenset(
    {MessageType.REACTION, MessageType.POLL_UPDATE, MessageType.MISSED_CALL, *REVISION_TYPES, *PLACEHOLDER_TYPES}
)
"""Types of messages that are only about an earlier one, missed calls, and messages that cannot be read."""


@dataclass(frozen=True)
class OrganizationProfile:
    """Who the organization is on WhatsApp, and what it wants.

    aliases: of all its owners (docs/decisions/0008). addresses: phone numbers of its instances, where known.
    instance_settings: of instances with settings of their own.
    """

    aliases: frozenset[str]
    addresses: Mapping[str, str]
    settings: OrganizationSettings = field(default_factory=OrganizationSettings)
    instance_settings: Mapping[str, OrganizationSettings] = field(default_factory=dict)

    def settings_of(self, instance_id: str) -> OrganizationSettings:
        """What holds for messages of this instance."""
        return self.instance_settings.get(instance_id, self.settings)


@dataclass(frozen=True)
class MessageClassification:
    """`party`: the person it is exchanged with; None for notes and messages in groups."""

    kind: Literal["message", "note"]
    direction: Literal["inbound", "outbound"]
    origin: Literal["contact", "phone"]
    party: Party | None
    name: str | None = None
    """The name that the contact chose, when the contact wrote the message."""
    opens_booking: bool = False
    has_words: bool = True
    """Whether it has a letter, a digit or a file."""


def classify(event: MessageReceived, owners: frozenset[str]) -> MessageClassification:
    """`owners` are the aliases (`phone:…`, `lid:…`) of everybody the organization is (docs/decisions/0008)."""
    if event.group:
        return MessageClassification(
            "message", "outbound" if event.from_me else "inbound", "phone" if event.from_me else "contact", None
        )
    other = (event.chat if event.from_me else event.sender) or event.sender
    direction: Literal["inbound", "outbound"] = "outbound" if event.from_me else "inbound"
    if is_owner(other, owners):
        return MessageClassification("note", direction, "phone", None)
    if event.from_me:
        return MessageClassification("message", "outbound", "phone", other)
    name = event.push_name if event.push_name and has_letter_or_digit(event.push_name) else None
    opens = event.type not in NON_BOOKING_TYPES
    return MessageClassification("message", "inbound", "contact", other, name, opens, has_words(event))


def has_words(event: MessageReceived) -> bool:
    """False for `👍`, `...` and stickers."""
    return event.type in _CONTENT_MEDIA or has_letter_or_digit(event.text or "")


def is_owner(party: Party, owners: frozenset[str]) -> bool:
    """One address suffices: phone and LID are the same person."""
    return not owners.isdisjoint(party.aliases)
