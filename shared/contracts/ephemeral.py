"""What is true only at this moment: typing and presence, over core NATS and kept by nobody (docs/decisions/0018).

Whoever is away misses it. What is older than FRESH is dropped and never sent late.
"""

from datetime import datetime, timedelta
from typing import ClassVar, Literal

from shared.contracts.message import Live
from shared.contracts.records import Party

FRESH = timedelta(seconds=10)
"""How long a live message is worth anything; WhatsApp shows typing for little longer."""

TypingState = Literal["composing", "recording", "paused"]


def is_stale(message: Live, now: datetime) -> bool:
    """It was true once; doing it now would tell something false."""
    return now - message.at > FRESH


# --- published by session ------------------------------------------------------------------------------------------


class TypingSeen(Live):
    """Somebody types, records or stopped, in a chat with this account; in `group` when it is one."""

    subject: ClassVar[str] = "wa.live.typing.seen"
    publishers: ClassVar[tuple[str, ...]] = ("session",)
    hearers: ClassVar[tuple[str, ...]] = ("router",)
    sender: Party
    state: TypingState
    group: str | None = None


class PresenceSeen(Live):
    """Somebody this account watches came or went. last_seen: only of who went and shows it."""

    subject: ClassVar[str] = "wa.live.presence.seen"
    publishers: ClassVar[tuple[str, ...]] = ("session",)
    hearers: ClassVar[tuple[str, ...]] = ("router",)
    sender: Party
    available: bool
    last_seen: datetime | None = None


# --- published by router -------------------------------------------------------------------------------------------


class ContactTyping(Live):
    """A contact types, records or stopped. Who is no contact yet, or writes in a group, has an address only."""

    subject: ClassVar[str] = "wa.live.contact.typing"
    publishers: ClassVar[tuple[str, ...]] = ("router",)
    hearers: ClassVar[tuple[str, ...]] = ("realtime", "integration")
    contact_id: str | None = None
    conversation_id: str | None = None
    from_address: str
    group: str | None = None
    state: TypingState


class ContactPresence(Live):
    """A contact came online or went. last_seen: only of who went and shows it."""

    subject: ClassVar[str] = "wa.live.contact.presence"
    publishers: ClassVar[tuple[str, ...]] = ("router",)
    hearers: ClassVar[tuple[str, ...]] = ("realtime", "integration")
    contact_id: str | None = None
    conversation_id: str | None = None
    from_address: str
    available: bool
    last_seen: datetime | None = None


# --- asked of session ----------------------------------------------------------------------------------------------


class ShowTyping(Live):
    """Show `to` that this account types, records or stopped. Nothing answers."""

    subject: ClassVar[str] = "wa.live.typing.show"
    publishers: ClassVar[tuple[str, ...]] = ("realtime", "integration")
    hearers: ClassVar[tuple[str, ...]] = ("session",)
    to: Party
    state: TypingState = "composing"


class WatchContact(Live):
    """Somebody looks at the chat with `to`: tell when he types, comes or goes. Ends by itself after some minutes."""

    subject: ClassVar[str] = "wa.live.contact.watch"
    publishers: ClassVar[tuple[str, ...]] = ("realtime", "integration")
    hearers: ClassVar[tuple[str, ...]] = ("session",)
    to: Party
