"""Settings of the realtime service (`WA_*`)."""

from pydantic import Field

from shared.platform.token_settings import TokenReaderSettings


class RealtimeSettings(TokenReaderSettings):
    socket_payload_limit: int = Field(default=300_000, ge=1_000, le=1_000_000)
    """Bytes a socket client may send at once: of a WebSocket message and of the body of a polling request."""
    socket_rate: float = Field(default=20.0, gt=0)
    """Requests a second one socket may make in the long run."""
    socket_burst: int = Field(default=60, ge=1)
    """Requests it may make in a burst; more are answered `rate_limited`."""
    socket_caller_limit: int = Field(default=1_800, ge=10)
    """Requests a minute of one user or API key over its sockets here, while the api that counts them is unreachable."""
    socket_login_time: float = Field(default=5.0, gt=0, le=60)
    """Seconds a new socket has to log in before it is closed."""
    socket_max: int = Field(default=10_000, ge=1)
    """Open sockets of this process at most."""
    socket_max_per_address: int = Field(default=2_500, ge=1)
    """Sockets that may be open from one IP address (of IPv6: one /64 network)."""
    socket_max_pending: int = Field(default=100, ge=1)
    """Sockets from one address that may be open and have not logged in yet."""
    socket_max_per_caller: int = Field(default=100, ge=1)
    """Sockets one user or API key may have open in one process."""
    socket_max_per_organization: int = Field(default=2_000, ge=1)
    """Sockets one organization may have open in one process."""
    socket_backlog: int = Field(default=1_000, ge=10, le=100_000)
    """Packets that may wait for a socket that reads slowly; further events are read from the stream later."""
    socket_backlog_bytes: int = Field(default=1_000_000, ge=10_000)
    """Bytes that may wait for a socket; a single event may be larger."""
    socket_backlog_organization_bytes: int = Field(default=8_000_000, ge=10_000)
    """Bytes that may wait for all sockets of an organization; sockets without a backlog still get the next event."""
    socket_backlog_total_bytes: int = Field(default=32_000_000, ge=10_000)
    """Bytes that may wait for all sockets of this process; beyond it each organization gets an equal share of this."""
    socket_patience: float = Field(default=10.0, gt=0, le=300)
    """Seconds such a socket has to read half of its backlog before it is dropped."""
    resume_limit: int = Field(default=5_000, ge=0, le=1_000_000)
    """Missed events that are sent after a reconnect; a client that missed more must load the records again."""
    join_grace: float = Field(default=0.5, ge=0, le=10)
    """Seconds a new socket has to name its last event with `join-organization`, before live events are sent to it."""
    send_wait: float = Field(default=10.0, gt=0, le=60)
    """Seconds until `send_message` is answered `queued` when the message is not sent yet."""
