"""Statistics of streams and consumers, of the whole server; they name no organization."""

import asyncio
from datetime import datetime

from nats.js.api import ConsumerInfo
from nats.js.errors import NotFoundError
from pydantic import BaseModel

from shared.contracts.message import utc_now
from shared.contracts.registry import COMMANDS_STREAM, DEAD_STREAM, EVENTS_STREAM
from shared.messaging.client import JetStreamContext

_CONSUMERS_PER_PAGE = 256
"""Consumers in one response of the NATS server."""


class StreamStats(BaseModel):
    """`oldest_age`: seconds since its oldest message was stored, null when it is empty."""

    name: str
    messages: int
    bytes: int
    consumers: int
    oldest_age: float | None


class ConsumerStats(BaseModel):
    """`pending`: not delivered yet. `unacknowledged`: being handled, or waiting for a retry.

    `redelivered`: the unacknowledged ones that were delivered more than once. `lag`: pending plus unacknowledged.
    `oldest_age`: seconds since the oldest of these messages was stored, null when there is none.
    """

    stream: str
    name: str
    pending: int
    unacknowledged: int
    redelivered: int
    lag: int
    oldest_age: float | None


class QueueStats(BaseModel):
    """`dead_letters`: of the organization; everything else is of the whole server."""

    streams: list[StreamStats]
    consumers: list[ConsumerStats]
    dead_letters: int


async def stream_stats(js: JetStreamContext) -> list[StreamStats]:
    """Of the three streams: events, commands, dead letters."""

    async def stats_of(name: str) -> StreamStats:
        info = await js.stream_info(name)
        state = info.state
        age = await _age(js, name, state.first_seq, ">") if state.messages else None
        return StreamStats(
            name=name, messages=state.messages, bytes=state.bytes, consumers=state.consumer_count, oldest_age=age
        )

    return list(await asyncio.gather(*map(stats_of, (EVENTS_STREAM, COMMANDS_STREAM, DEAD_STREAM))))


async def consumer_stats(js: JetStreamContext) -> list[ConsumerStats]:
    """Of the durable consumers of services, without the temporary ones of sockets, which belong to organizations."""
    consumers: list[ConsumerInfo] = []
    for stream in (EVENTS_STREAM, COMMANDS_STREAM):
        consumers += [info for info in await _consumers(js, stream) if info.config.durable_name]
    return list(await asyncio.gather(*(_consumer(js, info) for info in consumers)))


async def _consumers(js: JetStreamContext, stream: str) -> list[ConsumerInfo]:
    consumers: list[ConsumerInfo] = []
    while True:
        page = await js.consumers_info(stream, offset=len(consumers))
        consumers += page
        if len(page) < _CONSUMERS_PER_PAGE:
            return consumers


async def _consumer(js: JetStreamContext, info: ConsumerInfo) -> ConsumerStats:
    pending, unacknowledged = info.num_pending or 0, info.num_ack_pending or 0
    first = info.ack_floor.stream_seq + 1 if info.ack_floor else 1
    lag = pending + unacknowledged
    age = await _age(js, info.stream_name, first, info.config.filter_subject or ">") if lag else None
    return ConsumerStats(
        stream=info.stream_name,
        name=info.name,
        pending=pending,
        unacknowledged=unacknowledged,
        redelivered=info.num_redelivered or 0,
        lag=lag,
        oldest_age=age,
    )


async def _age(js: JetStreamContext, stream: str, sequence: int, subject: str) -> float | None:
    try:
        stored: datetime | None = (await js.get_msg(stream, max(sequence, 1), subject, next=True)).time
    except NotFoundError:
        return None
    return max(0.0, (utc_now() - stored).total_seconds()) if stored else None
