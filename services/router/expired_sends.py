"""Marks queued texts as failed when they expire while the session service is stopped, so that the sender learns it then
and not when that service runs again. The session service refuses expired texts as well (docs/decisions/0045)."""

from contextlib import AbstractAsyncContextManager
from functools import partial

from services.router.context import RouterContext
from services.router.handlers.message_status import status_changed_event
from services.router.store.message_statuses import StatusStep
from shared.contracts.events import MessageFailed
from shared.contracts.ids import derived_id
from shared.contracts.records import MessageRecord, MessageStatus
from shared.contracts.send_outcome import TEXT_TOO_LATE_CODE, TEXT_TOO_LATE_DETAIL
from shared.platform.background import log_failure
from shared.platform.outages import OUTAGE_ERRORS
from shared.platform.periodic_tasks import periodic_task

CHECK_INTERVAL_S = 5.0


def expired_send_monitor(context: RouterContext) -> AbstractAsyncContextManager[None]:
    """Checks for expired texts every CHECK_INTERVAL_S until the block ends."""
    return periodic_task("expired texts", partial(fail_expired_sends, context), CHECK_INTERVAL_S)


async def fail_expired_sends(context: RouterContext) -> None:
    """Mark all expired texts as failed that the session service has not begun to send. Repeatable. Raises errors of
    MongoDB and NATS; the next check finds what is left."""
    async for message in context.store.messages.expired(context.now()):
        try:
            if await context.store.send_cancellations.cancel(message, context.now()):
                await _fail(message, context)
        except OUTAGE_ERRORS:
            raise
        except Exception as error:  # one text holds up no other
            log_failure("expired texts", error)


async def _fail(message: MessageRecord, context: RouterContext) -> None:
    """Publish, then write: a crash in between publishes the same event again at the next check."""
    event = _expiry_event(message, context)
    error = f"{event.code}: {event.detail}"
    failed = message.model_copy(update={"status": MessageStatus.FAILED, "error": error})
    await context.publish(status_changed_event(failed, event))
    await context.store.statuses.advance(StatusStep(message.id, MessageStatus.FAILED, event.at, error))


def _expiry_event(message: MessageRecord, context: RouterContext) -> MessageFailed:
    """The event that the session service would publish, with the same id."""
    return MessageFailed(
        id=derived_id(message.id, "failed"),
        at=context.now(),
        organization_id=message.organization_id,
        instance_id=message.instance_id,
        cause=derived_id(message.id, "send"),
        message_id=message.id,
        code=TEXT_TOO_LATE_CODE,
        detail=TEXT_TOO_LATE_DETAIL,
    )
