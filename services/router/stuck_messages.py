"""Sent messages that wait too long are reported once, however many routers check for them.

Publish, then mark: a crash in between publishes an event with the same id again, which JetStream deduplicates.
"""

import asyncio
import logging
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from functools import partial

from prometheus_client import Counter

from services.router.context import RouterContext
from services.router.settings import RouterSettings
from shared.contracts.events import MessageStuck
from shared.contracts.ids import derived_id
from shared.contracts.records import MessageRecord, MessageStatus
from shared.platform.periodic_tasks import periodic_task

STUCK_PAGE_SIZE = 200
"""Messages that are reported together."""
STUCK_MESSAGES = Counter(
    "switchboard_messages_stuck", "Messages that were reported as stuck, by the status they had", ["status"]
)
log = logging.getLogger(__name__)


def stuck_message_monitor(context: RouterContext, settings: RouterSettings) -> AbstractAsyncContextManager[None]:
    """Checks for stuck messages every `stuck_check_every` until the block ends."""
    interval_s = settings.stuck_check_every.total_seconds()
    return periodic_task("stuck messages", partial(report_stuck, context, settings), interval_s)


async def report_stuck(context: RouterContext, settings: RouterSettings) -> None:
    """Report all that are stuck now. Raises errors of MongoDB and NATS; the next check finds what is left."""
    limits: dict[MessageStatus, timedelta] = {
        MessageStatus.QUEUED: settings.stuck_queued_after,
        MessageStatus.SENT: settings.stuck_sent_after,
    }
    for status, limit in limits.items():
        before = context.now() - limit
        while found := await context.store.messages.overdue(status, before, STUCK_PAGE_SIZE):
            await context.publish(*(_stuck_event(message, since) for message, since in found))
            await asyncio.gather(*(_mark_stuck(context, message, since) for message, since in found))
            if len(found) < STUCK_PAGE_SIZE:
                break


async def _mark_stuck(context: RouterContext, message: MessageRecord, since: datetime) -> None:
    STUCK_MESSAGES.labels(message.status.value).inc()
    log.warning("message %s of %s is %s since %s", message.id, message.organization_id, message.status, since)
    await context.store.messages.mark_stuck(message.id, message.status, since)


def _stuck_event(message: MessageRecord, since: datetime) -> MessageStuck:
    return MessageStuck(
        id=derived_id(message.id, "stuck", message.status.value),
        organization_id=message.organization_id,
        instance_id=message.instance_id,
        message_id=message.id,
        status=message.status,
        since=since,
        conversation_id=message.conversation_id,
    )
