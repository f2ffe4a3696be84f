"""What connections, messages, bookings and conversations can be."""

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


class MessageStatus(StrEnum):
    """Order of progress: queued < sent < delivered < read < played; failed only from queued or sent.

    `received` is the one state of what others wrote; `unconfirmed` is a send whose outcome a crash hid: it may
    still become sent or better when a receipt arrives, and is never repeated silently.
    """

    QUEUED = "queued"
    UNCONFIRMED = "unconfirmed"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    PLAYED = "played"
    FAILED = "failed"
    RECEIVED = "received"


class BookingStatus(StrEnum):
    PENDING = "pending"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    NO_SHOW = "no_show"
    CANCELLED = "cancelled"


class ConversationStatus(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
