"""The statuses of connections, messages, bookings and conversations."""

from enum import StrEnum


class Network(StrEnum):
    WHATSAPP = "whatsapp"
    SIMULATOR = "simulator"


class ConnectionStatus(StrEnum):
    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    QR_PENDING = "qr_pending"
    PAIRING = "pairing"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    LOGGED_OUT = "logged_out"
    RESTRICTED = "restricted"
    FAILED = "failed"

    @property
    def is_running(self) -> bool:
        """A worker holds the connection, or tries to."""
        return self not in _NOT_RUNNING

    @property
    def is_offline(self) -> bool:
        """Front ends show the account as offline: not running, or reconnecting after the connection was lost."""
        return self is ConnectionStatus.RECONNECTING or not self.is_running

    @property
    def is_settled(self) -> bool:
        """Connected or not running: no step of connecting is under way."""
        return self is ConnectionStatus.CONNECTED or not self.is_running


_NOT_RUNNING = frozenset(
    {
        ConnectionStatus.DISCONNECTED,
        ConnectionStatus.LOGGED_OUT,
        ConnectionStatus.RESTRICTED,
        ConnectionStatus.FAILED,
    }
)


class MessageStatus(StrEnum):
    """Order of progress: queued < sent < delivered < read < played; failed only from queued or sent.

    `received` is the only status of messages from others. `unconfirmed`: a crash hid the result of the send; a receipt
    may still confirm it, and it is never sent again automatically.
    """

    QUEUED = "queued"
    UNCONFIRMED = "unconfirmed"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    PLAYED = "played"
    FAILED = "failed"
    RECEIVED = "received"

    @property
    def is_failed_send(self) -> bool:
        """WhatsApp did not take the message, or nobody knows whether it did."""
        return self in (MessageStatus.FAILED, MessageStatus.UNCONFIRMED)


class BookingStatus(StrEnum):
    PENDING = "pending"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    NO_SHOW = "no_show"
    CANCELLED = "cancelled"


class ConversationStatus(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
