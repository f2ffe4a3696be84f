"""Queue statistics and dead letters, for administrators of an organization."""

from typing import Annotated

from fastapi import APIRouter, Path

from services.api.context import Ctx, Manager, SequencePaging
from services.api.nats.served_on_nats import served_on_nats
from services.api.responses import Item, Ok, Page, page_of
from services.api.store.dead_letters import DeadLetter, DeadLetterWithBody
from services.api.views.queue_stats import QueueStats, consumer_stats, stream_stats

router = APIRouter(prefix="/api/admin", tags=["admin"])

Sequence = Annotated[int, Path(ge=1, lt=1 << 63)]
_SEQUENCE_NOTE = "`sequence`: its number in the stream of the dead letters."


@router.get("/queue-stats")
@served_on_nats("wa.query.queue.stats", "ReadQueueStats")
async def queue_stats(context: Ctx, caller: Manager) -> Item[QueueStats]:
    """Per stream and consumer: pending, redelivered, lag and oldest age; and the number of your dead letters."""
    stats = QueueStats(
        streams=await stream_stats(context.jetstream),
        consumers=await consumer_stats(context.jetstream),
        dead_letters=await context.dead_letters.count(caller.organization_id),
    )
    return Item(data=stats)


@router.get("/dead-letters")
@served_on_nats("wa.query.dead-letter.list", "ListDeadLetters")
async def list_dead_letters(context: Ctx, caller: Manager, page: SequencePaging) -> Page[DeadLetter]:
    """Those of your organization, oldest first."""
    return page_of(await context.dead_letters.page(caller.organization_id, page))


@router.get("/dead-letters/{sequence}")
@served_on_nats("wa.query.dead-letter.read", "ReadDeadLetter", note=_SEQUENCE_NOTE)
async def read_dead_letter(context: Ctx, caller: Manager, sequence: Sequence) -> Item[DeadLetterWithBody]:
    """One dead letter with its body."""
    return Item(data=await context.dead_letters.read(caller.organization_id, sequence))


@router.post("/dead-letters/{sequence}/replay")
@served_on_nats("wa.command.dead-letter.replay", "ReplayDeadLetterRequest", note=_SEQUENCE_NOTE)
async def replay_dead_letter(context: Ctx, caller: Manager, sequence: Sequence) -> Ok:
    """Publish it again, after the cause of the failure is fixed. If it fails again it becomes a new dead letter."""
    await context.dead_letters.replay(caller.organization_id, sequence)
    return Ok()


@router.delete("/dead-letters/{sequence}")
@served_on_nats("wa.command.dead-letter.drop", "DropDeadLetterRequest", note=_SEQUENCE_NOTE)
async def drop_dead_letter(context: Ctx, caller: Manager, sequence: Sequence) -> Ok:
    """Delete it for good."""
    await context.dead_letters.drop(caller.organization_id, sequence)
    return Ok()
