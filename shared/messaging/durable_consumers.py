"""The durable push consumer of a message class: its settings, and the update of one that exists already."""

from nats.js.api import ConsumerConfig
from nats.js.errors import NotFoundError

from shared.contracts.message import Message
from shared.contracts.registry import durable_name
from shared.messaging.client import JetStreamContext
from shared.messaging.permissions import inbox_prefix
from shared.platform.settings import Settings


def push_consumer_config(
    service: str, message: type[Message], settings: Settings, *, max_unacked: int
) -> ConsumerConfig:
    """The settings of the durable consumer of a class.

    The delivery subject is derived from the name, so that two replicas that create the consumer at the same time create
    the same one.
    """
    durable = durable_name(service, message)
    return ConsumerConfig(
        durable_name=durable,
        deliver_group=durable,
        deliver_subject=f"{inbox_prefix(service)}.{durable}",
        filter_subject=message.subject_filter(),
        ack_wait=settings.ack_wait.total_seconds(),
        max_ack_pending=max_unacked,
        max_deliver=-1,
    )


async def update_consumer(js: JetStreamContext, stream: str, wanted: ConsumerConfig) -> None:
    """Change a consumer of an earlier start to these settings; the client libraries never do."""
    try:
        current = (await js.consumer_info(stream, wanted.durable_name or "")).config
    except NotFoundError:
        return
    if (current.ack_wait, current.max_ack_pending) != (wanted.ack_wait, wanted.max_ack_pending):
        changed = current.evolve(ack_wait=wanted.ack_wait, max_ack_pending=wanted.max_ack_pending)
        await js.add_consumer(stream, changed)
