"""A durable push consumer without the framework, for message classes that come in large numbers.

The framework costs half a millisecond of processor time per message before the handler runs (docs/decisions/0048).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from nats.js.api import ConsumerConfig

from shared.messaging.client import JetStreamContext, NatsError, NatsMessage
from shared.platform.background import finish_tasks, run_once

log = logging.getLogger(__name__)


@asynccontextmanager
async def direct_subscription(
    js: JetStreamContext,
    stream: str,
    config: ConsumerConfig,
    receive: Callable[[NatsMessage], Awaitable[None]],
    grace_s: float,
) -> AsyncIterator[None]:
    """Inside this block `receive` is called for every message, in a task of its own, and settles it.

    At the end of the block the running calls have `grace_s` seconds to finish; what is not acked then is delivered
    again.
    """
    tasks = set[asyncio.Task[None]]()

    async def start(raw: NatsMessage) -> None:
        task = run_once(f"message of {config.durable_name}", _call(receive, raw))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    try:
        async with durable_subscription(js, stream, config, start):
            yield
    finally:
        if not await finish_tasks(tasks, grace_s):
            log.warning("%s: handlers did not end within %g s; their messages are delivered again", stream, grace_s)


@asynccontextmanager
async def durable_subscription(
    js: JetStreamContext, stream: str, config: ConsumerConfig, receive: Callable[[NatsMessage], Awaitable[None]]
) -> AsyncIterator[None]:
    """Inside this block `receive` gets the messages of a durable push consumer that this process is given."""
    assert config.filter_subject
    subscription = await js.subscribe(
        config.filter_subject,
        queue=config.durable_name,
        stream=stream,
        cb=receive,
        manual_ack=True,
        config=config,
    )
    try:
        yield
    finally:
        drain: Callable[[], Awaitable[None]] = subscription.drain
        with suppress(NatsError):  # the connection is closed: another process gets the messages
            await drain()


async def _call(receive: Callable[[NatsMessage], Awaitable[None]], raw: NatsMessage) -> None:
    await receive(raw)
