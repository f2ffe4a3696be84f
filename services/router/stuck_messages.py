"""Messages of ours that wait too long are reported once, however many routers look for them.

An event is published before the message is marked: after a crash in between the same event comes again, and the stream
drops it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial

from prometheus_client import Counter

from services.router.context import RouterContext
from services.router.settings import RouterSettings
from shared.contracts.events import MessageStuck
from shared.contracts.ids import derived_id
from shared.contracts.records import MessageRecord, MessageStatus
from shared.messaging.client import NatsError
from shared.platform.background import keep_running, stop_task
from shared.platform.mongo import PyMongoError

STUCK_PAGE_SIZE = 200
"""Messages that are reported at once."""
STUCK_MESSAGES = Counter(
    "switchboard_messages_stuck", "Messages of ours that waited too long, once for each status", ["status"]
)
log = logging.getLogger(__name__)


@asynccontextmanager
async def stuck_message_monitor(context: RouterContext, settings: RouterSettings) -> AsyncIterator[None]:
    """Look for them again and again as long as the context lasts."""
    task = keep_running("stuck messages", partial(_watch, context, settings))
    try:
        yield
    finally:
        await stop_task(task)


async def _watch(context: RouterContext, settings: RouterSettings) -> None:
    while True:
        try:
            await report_stuck(context, settings)
        except (PyMongoError, NatsError, TimeoutError, OSError) as error:
            log.warning("stuck messages cannot be looked for yet: %s", type(error).__name__)
        await asyncio.sleep(settings.stuck_check_every.total_seconds())


async def report_stuck(context: RouterContext, settings: RouterSettings) -> None:
    """Report all that are stuck now. Raises MongoDB's and NATS's errors; what was not reported is found again."""
    limits: dict[MessageStatus, timedelta] = {
        MessageStatus.QUEUED: settings.stuck_queued_after,
        MessageStatus.SENT: settings.stuck_sent_after,
    }
    for status, limit in limits.items():
        before = context.now() - limit
        while found := await context.store.messages.overdue(status, before, STUCK_PAGE_SIZE):
            await context.publish(*(_event(message, since) for message, since in found))
            await asyncio.gather(*(_mark(context, message, since) for message, since in found))
            if len(found) < STUCK_PAGE_SIZE:
                break


async def _mark(context: RouterContext, message: MessageRecord, since: datetime) -> None:
    STUCK_MESSAGES.labels(message.status.value).inc()
    log.warning("message %s of %s is %s since %s", message.id, message.organization_id, message.status, since)
    await context.store.messages.mark_stuck(message.id, message.status, since)


def _event(message: MessageRecord, since: datetime) -> MessageStuck:
    return MessageStuck(
        id=derived_id(message.id, "stuck", message.status.value),
        organization_id=message.organization_id,
        instance_id=message.instance_id,
        message_id=message.id,
        status=message.status,
        since=since,
        conversation_id=message.conversation_id,
    )
