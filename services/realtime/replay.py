"""What a socket missed, read from the stream page by page."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import suppress

from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from shared.contracts.ids import new_id
from shared.contracts.registry import EVENTS_STREAM
from shared.messaging.client import JetStreamContext, NatsClient, NatsError, NatsMessage, Subscription

PAGE_EVENTS, PAGE_BYTES = 200, 262_144
"""Events read at once, fewer when they are large: a slow socket takes only a few, and the others are read in vain."""
PAGE_SPARE_BYTES = 65_536
"""Bytes a page may have beyond the largest message: NATS counts subject and header as well."""
REPLAY_INACTIVE_S = 30.0
"""Seconds after which the server forgets a reader that died."""
PAGE_TIMEOUT_S = 5.0
"""Seconds the server has for a page."""


class ResyncRequiredError(Exception):
    """The stream no longer keeps everything since then, or it is more than a socket is told: load the records anew."""


class StreamReplay:
    """The events of the stream by subject filter. `limit`: how many are read at most for one socket."""

    def __init__(self, client: NatsClient, js: JetStreamContext, limit: int) -> None:
        self._client, self._js, self._max_events = client, js, limit

    async def pages_after(self, pattern: str, sequence: int) -> AsyncGenerator[list[NatsMessage], None]:
        """Pages of what follows `sequence`, in order, until there is nothing more at the moment.

        Raises TooMuchMissedError before the page that would leave something out, a NATS error when the stream is away.
        """
        config = ConsumerConfig(
            name=f"realtime-{new_id()}",
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=sequence + 1,
            ack_policy=AckPolicy.NONE,
            filter_subject=pattern,
            mem_storage=True,
            inactive_threshold=REPLAY_INACTIVE_S,
            num_replicas=1,
        )
        info = await self._js.add_consumer(EVENTS_STREAM, config)
        pending = info.num_pending or 0
        try:
            if pending > self._max_events:
                raise ResyncRequiredError(f"{pending} events")
            if not pending:
                await self.require_retained(sequence)
            while pending:
                page = await self._page(info.name, min(pending, PAGE_EVENTS))
                await self.require_retained(sequence)
                sequence, pending = page[-1].metadata.sequence.stream, page[-1].metadata.num_pending
                yield page
        finally:
            with suppress(NatsError, OSError):  # without an address for its answer, which nobody reads, NATS ignores it
                subject = f"$JS.API.CONSUMER.DELETE.{EVENTS_STREAM}.{info.name}"
                await self._client.publish(subject, reply=self._client.new_inbox())

    async def _page(self, consumer: str, count: int) -> list[NatsMessage]:
        """At least one message, as the caller knows that there are some. Bounded in bytes, which `fetch` of the library
        is not: 200 events may have 200 MB. Raises a NATS error or TimeoutError."""
        arrived: asyncio.Queue[NatsMessage] = asyncio.Queue()
        inbox = await self._client.subscribe(self._client.new_inbox(), cb=arrived.put)
        try:
            for max_bytes in (
                PAGE_BYTES,
                self._client.max_payload + PAGE_SPARE_BYTES,
            ):  # the latter holds the largest event
                if page := await self._pull(inbox, arrived, consumer, {"batch": count, "max_bytes": max_bytes}):
                    return page
        finally:
            with suppress(NatsError, OSError):
                await inbox.unsubscribe()
        raise NatsError("nats: an empty page of events")

    async def _pull(
        self, inbox: Subscription, arrived: asyncio.Queue[NatsMessage], consumer: str, bounds: dict[str, int]
    ) -> list[NatsMessage]:
        """Empty when the next event is larger than `max_bytes`."""
        wanted, count = {"no_wait": True, **bounds}, bounds["batch"]
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{EVENTS_STREAM}.{consumer}"
        await self._client.publish(subject, json.dumps(wanted).encode(), reply=inbox.subject)
        page: list[NatsMessage] = []
        async with asyncio.timeout(PAGE_TIMEOUT_S):
            while len(page) < count:
                message = await arrived.get()
                if not message.reply:  # a status: there is no more, or the next one does not fit
                    break
                page.append(message)
        return page

    async def require_retained(self, sequence: int) -> None:
        """Raises TooMuchMissedError unless everything behind `sequence` is kept.

        Asked after reading: what is kept then was kept when the page was read.
        """
        state = (await self._js.stream_info(EVENTS_STREAM)).state
        if not state.first_seq - 1 <= sequence <= state.last_seq:
            raise ResyncRequiredError(f"the stream keeps {state.first_seq} to {state.last_seq}")
