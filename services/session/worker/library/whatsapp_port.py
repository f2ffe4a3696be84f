"""The port to WhatsApp: what the worker calls (`WhatsAppClient`), and what the client calls back (`ClientListener`).

neonize_client.py implements it. Events are passed as the library's protobufs; mapping/event_mapping.py and
connection_events.py make our own events of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.session.worker.chat_timers import ChatTimer
from services.session.worker.library.stanzas import LoginFailure
from services.session.worker.mapping.protobufs import EventProtobuf
from shared.contracts.ephemeral import TypingState

NOT_CONNECTED_ERROR = "the account is not connected to WhatsApp"


@dataclass(frozen=True)
class OwnDevice:
    """The linked device in the account's store. `jid` as WhatsApp writes it; `phone` and `lid` are digits."""

    jid: str
    phone: str
    lid: str | None = None


@dataclass(frozen=True)
class AcceptedMessage:
    """WhatsApp has accepted a message: its id there, and the server's time."""

    wa_id: str
    timestamp: datetime


@dataclass(frozen=True)
class RegisteredNumber:
    """The addresses (digits) of the WhatsApp account that has a phone number; both None: there is no such account."""

    phone: str | None = None
    lid: str | None = None


class WhatsAppError(Exception):
    """The library failed or refused; the text is the library's own."""


IGNORED_MESSAGE = "IgnoredMessage"
"""Name of an event of our own, whose bytes are the protobuf `UndecryptableMessage`: the library ignored a message that
it had decrypted before, perhaps in a process that was killed before the journal had it."""


class ClientListener(Protocol):
    """Called on the library's threads: must return at once and never raise."""

    def on_device(self, device: OwnDevice) -> None:
        """The store holds this device: at the start of a linked account, or because it was linked just now."""

    def on_qr(self, code: str) -> None:
        """A QR code to show, which replaces the one before. The store holds no device."""

    def on_pairing_status(self, status: str) -> None:
        """The end of a pairing: `success`, `timeout` or `err-...`."""

    def on_raw_event(self, name: str, raw: bytes) -> bool:
        """The bytes of an event, by the name of its protobuf, before they are parsed. True: the event is handled, and
        no other method is called for it."""

    def on_event(self, name: str, event: EventProtobuf) -> None:
        """An event, by the name of its protobuf; an unknown one as `unknown-<number>` with its bytes."""

    def on_malformed_event(self, name: str) -> None:
        """An event whose bytes are not the protobuf of that name."""

    def on_login_refused(self, failure: LoginFailure) -> None:
        """WhatsApp refused the login in a way for which the library has no event. The client must be closed."""

    def on_connection_ended(self, error: str | None, server_answered: bool) -> None:
        """The library ended by itself and its connection is closed. `server_answered`: WhatsApp had sent something;
        False: not even the connection was opened."""


class WhatsAppClient(Protocol):
    """The client of one account. Not reusable: after `close` a new one is created."""

    def connect(self) -> None:
        """Start connecting; the listener gets the result."""

    def request_pairing_code(self, phone: str) -> str:
        """A code to type on the phone; only after `on_qr` was called. Raises WhatsAppError."""

    def send_text(self, to: str, text: str, timer: ChatTimer | None = None) -> AcceptedMessage:
        """`to`: phone digits or `<lid>@lid`. `timer`: that of a chat whose messages disappear. Blocks up to 75 s.
        Raises WhatsAppError."""

    def send_presence(self, online: bool) -> None:
        """Show the account online or offline to everybody. Only while it is shown online does WhatsApp report who
        types; the owner's phone then gives no notifications.

        Raises WhatsAppError, also just after pairing, before the account's name is known.
        """

    def send_typing(self, to: str, state: TypingState) -> None:
        """`to` as in `send_text`. Raises WhatsAppError."""

    def subscribe_presence(self, to: str) -> None:
        """Get events when this contact goes online or offline, until the connection ends. Raises WhatsAppError."""

    def mark_read(self, wa_ids: Sequence[str], sender: str, group: str | None) -> None:
        """Send read receipts to the sender; repeatable. `group`: `<digits>@g.us`. Raises WhatsAppError."""

    def look_up_number(self, number: str) -> RegisteredNumber:
        """Which account has a phone number (digits). Blocks up to 75 s. Raises WhatsAppError."""

    def logout(self) -> None:
        """Unlink the device. Raises WhatsAppError."""

    def close(self) -> None:
        """Disconnect, wait until the last event was delivered, stop. Repeatable."""

    def delete_keys(self) -> None:
        """Delete the account's keys from this machine; only after `close`."""
