"""What can be set for the router (`WA_*`)."""

from datetime import timedelta

from pydantic import Field

from shared.settings import Settings


class RouterSettings(Settings):
    router_concurrency: int = Field(default=256, ge=1, le=1000)
    """Messages of one kind that are handled at the same time."""
    stuck_queued_after: timedelta = Field(default=timedelta(minutes=2), gt=timedelta())
    """A message that waits longer to be sent is stuck: `MessageStuck`, `message:stuck`, `/api/messages?stuck=true`."""
    stuck_sent_after: timedelta = Field(default=timedelta(hours=24), gt=timedelta())
    """A sent message that waits longer to be delivered is stuck."""
    stuck_check_every: timedelta = Field(default=timedelta(seconds=30), gt=timedelta())
    """How often such messages are looked for."""
