"""What is true only at this moment: typing and presence, over core NATS and kept by nobody (docs/decisions/0018).

Whoever is away misses it. What is older than FRESH is dropped and never sent late.
"""

from datetime import datetime, timedelta
from typing import ClassVar, Literal

from shared.contracts.message import EphemeralEvent
from shared.contracts.records import Party

MAX_EPHEMERAL_AGE = timedelta(seconds=10)
"""How long a live message is worth anything; WhatsApp shows typing for little longer."""

TypingState = Literal["composing", "recording", "paused"]


def is_stale(message: EphemeralEvent, now: datetime) -> bool:
    """It was true once; doing it now would tell something false."""
    return now - message.at > MAX_EPHEMERAL_AGE


# --- published by session ------------------------------------------------------------------------------------------


class TypingObserved(EphemeralEvent):
    """Somebody types, records or stopped, in a chat with this account; in `group` when it is one."""

    subject: ClassVar[str] = "wa.live.typing.seen"
    publishers: ClassVar[tuple[str, ...]] = ("session",)
    subscribers: ClassVar[tuple[str, ...]] = ("router",)
    sender: Party
    state: TypingState
    group: str | None = None


class PresenceObserved(EphemeralEvent):
    """Somebody this account watches came or went. last_seen: only of who went and shows it."""

    subject: ClassVar[str] = "wa.live.presence.seen"
    publishers: ClassVar[tuple[str, ...]] = ("session",)
    subscribers: ClassVar[tuple[str, ...]] = ("router",)
    sender: Party
    available: bool
    last_seen: datetime | None = None


# --- published by router -------------------------------------------------------------------------------------------


class ContactTyping(EphemeralEvent):
    """A contact types, records or stopped. Who is no contact yet, or writes in a group, has an address only."""

    subject: ClassVar[str] = "wa.live.contact.typing"
    publishers: ClassVar[tuple[str, ...]] = ("router",)
    subscribers: ClassVar[tuple[str, ...]] = ("realtime", "integration")
    contact_id: str | None = None
    conversation_id: str | None = None
    from_address: str
    group: str | None = None
    state: TypingState


class ContactPresence(EphemeralEvent):
    """A contact came online or went. last_seen: only of who went and shows it."""

    subject: ClassVar[str] = "wa.live.contact.presence"
    publishers: ClassVar[tuple[str, ...]] = ("router",)
    subscribers: ClassVar[tuple[str, ...]] = ("realtime", "integration")
    contact_id: str | None = None
    conversation_id: str | None = None
    from_address: str
    available: bool
    last_seen: datetime | None = None


# --- asked of session ----------------------------------------------------------------------------------------------


class SendTyping(EphemeralEvent):
    """Show `to` that this account types, records or stopped. Nothing answers."""

    subject: ClassVar[str] = "wa.live.typing.show"
    publishers: ClassVar[tuple[str, ...]] = ("realtime", "integration")
    subscribers: ClassVar[tuple[str, ...]] = ("session",)
    to: Party
    state: TypingState = "composing"


class SubscribePresence(EphemeralEvent):
    """Somebody looks at the chat with `to`: tell when he types, comes or goes. Ends by itself after some minutes."""

    subject: ClassVar[str] = "wa.live.contact.watch"
    publishers: ClassVar[tuple[str, ...]] = ("realtime", "integration")
    subscribers: ClassVar[tuple[str, ...]] = ("session",)
    to: Party
