"""The port: what the worker asks of a WhatsApp library, and what the library tells the worker.

One implementation, `neonize_client.py`. Events pass as the library's protobufs; `event_mapping.py` and
`worker/connection_events.py` turn them into our words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from services.session.worker.chat_timers import ChatTimer
from services.session.worker.library.stanzas import LoginFailure
from shared.contracts.ephemeral import TypingState


@dataclass(frozen=True)
class OwnDevice:
    """The linked device in the account's store. `jid` as WhatsApp writes it, `phone` and `lid` digits."""

    jid: str
    phone: str
    lid: str | None = None


@dataclass(frozen=True)
class AcceptedMessage:
    """WhatsApp took a message: its id there, and the server's time."""

    wa_id: str
    timestamp: datetime


@dataclass(frozen=True)
class RegisteredNumber:
    """Addresses of an account as WhatsApp knows it, digits; both None: nobody has this number there."""

    phone: str | None = None
    lid: str | None = None


class WhatsAppError(Exception):
    """The library refused; the text is the library's own."""


class ClientListener(Protocol):
    """Called on the library's threads: must return at once and never raise."""

    def on_device(self, device: OwnDevice) -> None:
        """The store holds this device: at the start of a linked account, or because it was linked just now."""

    def on_qr(self, code: str) -> None:
        """A QR code to show, replacing the one before: the store holds no device."""

    def on_pairing_status(self, status: str) -> None:
        """End of a pairing: `success`, `timeout` or `err-...`."""

    def on_raw_event(self, name: str, raw: bytes) -> bool:
        """The bytes of an event by its protobuf name, before anything else is done with it. True: that is enough."""

    def on_event(self, name: str, event: Any) -> None:
        """An event by its protobuf name and message; an unknown one by `unknown-<number>` and its bytes."""

    def on_malformed_event(self, name: str) -> None:
        """An event whose bytes are not the protobuf they should be."""

    def on_login_refused(self, failure: LoginFailure) -> None:
        """WhatsApp refused the login, in a way the library has no event for. The client has to be closed."""

    def on_connection_ended(self, error: str | None, reached: bool) -> None:
        """The library ended by itself and its connection is closed. `reached`: WhatsApp had answered; else the
        connection could not even begin."""


class WhatsAppClient(Protocol):
    """One account. Not reusable: after `close` a new one is made."""

    def connect(self) -> None:
        """Begin; what comes of it is told to the listener."""

    def request_pairing_code(self, phone: str) -> str:
        """Ask for a code to type on the phone; only while a QR code is offered. Raises WhatsAppError."""

    def send_text(self, to: str, text: str, timer: ChatTimer | None = None) -> AcceptedMessage:
        """`to`: phone digits or `<lid>@lid`. `timer`: of a chat whose messages disappear. Blocks up to 75 s. Raises
        WhatsAppError."""

    def send_presence(self, online: bool) -> None:
        """To everybody; while it is shown WhatsApp tells who types, and the owner's phone is silent.

        Raises WhatsAppError, also just after pairing, before the account's name is known.
        """

    def send_typing(self, to: str, state: TypingState) -> None:
        """`to` as for a text. Raises WhatsAppError."""

    def subscribe_presence(self, to: str) -> None:
        """Be told when he comes and goes, as long as this connection lasts. Raises WhatsAppError."""

    def mark_read(self, wa_ids: Sequence[str], sender: str, group: str | None) -> None:
        """Give the sender the read ticks; repeatable. `group`: `<digits>@g.us`. Raises WhatsAppError."""

    def look_up_number(self, number: str) -> RegisteredNumber:
        """Which account answers to a phone number (digits). Blocks up to 75 s. Raises WhatsAppError."""

    def logout(self) -> None:
        """Unlink the device. Raises WhatsAppError."""

    def close(self) -> None:
        """Disconnect, wait until the last event was heard, stop. Safe to repeat."""

    def delete_keys(self) -> None:
        """Delete the account's keys from this machine; only after `close`."""
