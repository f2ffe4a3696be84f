"""Ephemeral events: typing and presence on core NATS, not persisted (docs/decisions/0018).

A subscriber that is not connected misses them. Events older than MAX_EPHEMERAL_AGE are dropped.
"""

from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.contracts.message import EphemeralEvent
from shared.contracts.records import Party

MAX_EPHEMERAL_AGE = timedelta(seconds=10)
"""WhatsApp shows typing for little longer."""
VIEWING_LIFETIME_S = 60
"""A user who does not repeat that they view a conversation views it no longer."""

TypingState = Literal["composing", "recording", "paused"]
ColleagueTypingState = Literal["composing", "paused"]
_Id = Annotated[str, Field(max_length=128)]


def is_stale(event: EphemeralEvent, now: datetime) -> bool:
    return now - event.at > MAX_EPHEMERAL_AGE


# --- published by session ------------------------------------------------------------------------------------------


class TypingObserved(EphemeralEvent):
    """A person types, records audio or stopped, in a chat with this account, or in the group `group`."""

    subject: ClassVar[str] = "wa.live.typing.seen"
    publishers: ClassVar[tuple[str, ...]] = ("session",)
    subscribers: ClassVar[tuple[str, ...]] = ("router",)
    sender: Party
    state: TypingState
    group: str | None = None


class PresenceObserved(EphemeralEvent):
    """A person whose presence this account subscribed to came online or went offline. `last_seen`: when they went
    offline, if they show it."""

    subject: ClassVar[str] = "wa.live.presence.seen"
    publishers: ClassVar[tuple[str, ...]] = ("session",)
    subscribers: ClassVar[tuple[str, ...]] = ("router",)
    sender: Party
    available: bool
    last_seen: datetime | None = None


# --- published by router -------------------------------------------------------------------------------------------


class ContactTyping(EphemeralEvent):
    """A contact types, records audio or stopped. Without `contact_id` for a person who is no contact yet, and in
    groups."""

    subject: ClassVar[str] = "wa.live.contact.typing"
    publishers: ClassVar[tuple[str, ...]] = ("router",)
    subscribers: ClassVar[tuple[str, ...]] = ("realtime", "integration")
    contact_id: str | None = None
    conversation_id: str | None = None
    from_address: str
    group: str | None = None
    state: TypingState


class ContactPresence(EphemeralEvent):
    """A contact came online or went offline. `last_seen`: when they went offline, if they show it."""

    subject: ClassVar[str] = "wa.live.contact.presence"
    publishers: ClassVar[tuple[str, ...]] = ("router",)
    subscribers: ClassVar[tuple[str, ...]] = ("realtime", "integration")
    contact_id: str | None = None
    conversation_id: str | None = None
    from_address: str
    available: bool
    last_seen: datetime | None = None


# --- between the replicas of realtime --------------------------------------------------------------------------------


class ColleagueTyping(EphemeralEvent):
    """A user of the organization writes to a contact, or stopped. For the sockets of the other users."""

    subject: ClassVar[str] = "wa.live.colleague.typing"
    publishers: ClassVar[tuple[str, ...]] = ("realtime",)
    subscribers: ClassVar[tuple[str, ...]] = ("realtime",)
    conversation_id: _Id
    user_id: _Id
    state: ColleagueTypingState


class ColleagueViewing(EphemeralEvent):
    """A user of the organization looks at a conversation, for the next 60 seconds, or left it. For the sockets of the
    other users."""

    subject: ClassVar[str] = "wa.live.colleague.viewing"
    publishers: ClassVar[tuple[str, ...]] = ("realtime",)
    subscribers: ClassVar[tuple[str, ...]] = ("realtime",)
    conversation_id: _Id
    user_id: _Id
    viewing: bool


# --- for session ---------------------------------------------------------------------------------------------------


class SendTyping(EphemeralEvent):
    """Show `to` that this account types, records audio or stopped. Nothing replies."""

    subject: ClassVar[str] = "wa.live.typing.show"
    publishers: ClassVar[tuple[str, ...]] = ("realtime", "integration")
    subscribers: ClassVar[tuple[str, ...]] = ("session",)
    to: Party
    state: TypingState = "composing"


class SubscribePresence(EphemeralEvent):
    """A person opened the chat with `to`: publish their typing and presence. The subscription expires after minutes."""

    subject: ClassVar[str] = "wa.live.contact.watch"
    publishers: ClassVar[tuple[str, ...]] = ("realtime", "integration")
    subscribers: ClassVar[tuple[str, ...]] = ("session",)
    to: Party
