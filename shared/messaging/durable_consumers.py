"""The durable consumer of a message class: its settings, and how they reach one that is there already."""

from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig
from nats.js.errors import NotFoundError

from shared.contracts.message import Message
from shared.contracts.registry import durable_name
from shared.messaging.permissions import inbox_prefix
from shared.platform.settings import Settings


def push_consumer_config(service: str, message: type[Message], settings: Settings, *, in_hand: int) -> ConsumerConfig:
    """The durable consumer of a class; at most `in_hand` messages are unacknowledged. Where it delivers follows from
    its name: two replicas that make it at the same time make the same one."""
    durable = durable_name(service, message)
    return ConsumerConfig(
        durable_name=durable,
        deliver_group=durable,
        deliver_subject=f"{inbox_prefix(service)}.{durable}",
        filter_subject=message.subject_filter(),
        ack_wait=settings.ack_wait.total_seconds(),
        max_ack_pending=in_hand,
        max_deliver=-1,
    )


async def update_consumer(js: JetStreamContext, stream: str, wanted: ConsumerConfig) -> None:
    """A consumer that is there from an earlier start gets the settings of this one; clients leave it as it is."""
    try:
        known = (await js.consumer_info(stream, wanted.durable_name or "")).config
    except NotFoundError:
        return
    if (known.ack_wait, known.max_ack_pending) != (wanted.ack_wait, wanted.max_ack_pending):
        changed = known.evolve(ack_wait=wanted.ack_wait, max_ack_pending=wanted.max_ack_pending)
        await js.add_consumer(stream, changed)
