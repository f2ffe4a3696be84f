"""What can be set for the realtime service (`WA_*`)."""

from pydantic import Field

from shared.settings import TokenSettings


class RealtimeSettings(TokenSettings):
    socket_payload_limit: int = Field(default=300_000, ge=1_000, le=1_000_000)
    """Bytes a socket client may send at once."""
    send_wait: float = Field(default=10.0, gt=0, le=60)
    """Seconds `send_message` waits for WhatsApp before it answers `queued`."""
