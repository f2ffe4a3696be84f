"""What can be set for the realtime service (`WA_*`)."""

from pydantic import Field

from shared.settings import TokenReaderSettings


class RealtimeSettings(TokenReaderSettings):
    socket_payload_limit: int = Field(default=300_000, ge=1_000, le=1_000_000)
    """Bytes a socket client may send at once."""
    socket_rate: float = Field(default=20.0, gt=0)
    """Requests a second one socket may make in the long run."""
    socket_burst: int = Field(default=60, ge=1)
    """Requests it may make at once; more are answered `rate_limited`."""
    socket_backlog: int = Field(default=1_000, ge=10, le=100_000)
    """Packets that may wait for a socket that reads slowly; what is more waits in the stream."""
    socket_patience: float = Field(default=10.0, gt=0, le=300)
    """Seconds such a socket has to read half of what waits before it is dropped."""
    resume_limit: int = Field(default=5_000, ge=0, le=1_000_000)
    """Missed events a socket is told after it was away; with more it is told to load the records anew."""
    join_grace: float = Field(default=0.5, ge=0, le=10)
    """Seconds a new socket has to say since when it missed events, before it hears the live ones."""
    send_wait: float = Field(default=10.0, gt=0, le=60)
    """Seconds `send_message` waits for WhatsApp before it answers `queued`."""
