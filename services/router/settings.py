"""What can be set for the router (`WA_*`)."""

from datetime import timedelta

from pydantic import Field

from services.router.rules.send_checks import PendingLimits
from shared.messaging.fair_consumer import FairShare
from shared.platform.settings import Settings


class RouterSettings(Settings):
    router_concurrency: int = Field(default=256, ge=1, le=1000)
    """Messages of one kind that are handled at the same time."""
    pending_sends_per_instance: int = Field(default=1_000, ge=1)
    """Messages of one instance that may wait for WhatsApp; more are refused with 429 `too_many_pending_sends`."""
    pending_sends_per_organization: int = Field(default=2_500, ge=1)
    """The same for all instances of an organization together."""
    stuck_queued_after: timedelta = Field(default=timedelta(minutes=2), gt=timedelta())
    """A message that waits longer to be sent is stuck: `MessageStuck`, `message:stuck`, `/api/messages?stuck=true`."""
    stuck_sent_after: timedelta = Field(default=timedelta(hours=24), gt=timedelta())
    """A sent message that waits longer to be delivered is stuck."""
    stuck_check_every: timedelta = Field(default=timedelta(seconds=30), gt=timedelta())
    """How often such messages are looked for."""

    @property
    def events_share(self) -> FairShare:
        """What is published about one instance takes at most an eighth of the handlers."""
        return FairShare(self.router_concurrency, per_instance=max(1, self.router_concurrency // 8))

    @property
    def commands_share(self) -> FairShare:
        """More may wait than run: one whose organization has its share waiting is refused."""
        share = self.events_share
        return FairShare(share.concurrency, share.per_instance, max_unacked=16 * self.router_concurrency)

    @property
    def pending_limits(self) -> PendingLimits:
        """A command that is older than the stream keeps it is lost, so its message waits for nothing."""
        return PendingLimits(self.pending_sends_per_instance, self.pending_sends_per_organization, self.events_max_age)
