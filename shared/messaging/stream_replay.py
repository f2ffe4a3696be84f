"""The events that a socket missed, read from the stream page by page."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import suppress

from shared.contracts.registry import EVENTS_STREAM
from shared.messaging.client import (
    NATS_OUTAGE_ERRORS,
    JetStreamContext,
    NatsClient,
    NatsError,
    NatsMessage,
    Subscription,
)
from shared.messaging.ordered_consumer import ephemeral_consumer

PAGE_EVENTS, PAGE_BYTES = 200, 262_144
"""Of one page at most: of a larger one a slow socket takes a few events, and the others are read in vain."""
PAGE_SPARE_BYTES = 65_536
"""Added to the largest message for the page that must hold it: NATS counts subject and headers as well."""
PAGE_TIMEOUT_S = 5.0


class ResyncRequiredError(Exception):
    """The stream no longer has everything, or it is too much for one socket: the client loads the records again."""


class StreamReplay:
    """Reads events of the stream by subject filter, at most `max_events` for one socket."""

    def __init__(self, client: NatsClient, js: JetStreamContext, max_events: int) -> None:
        self._client = client
        self._js = js
        self._max_events = max_events

    async def pages_after(self, subject_filter: str, sequence: int) -> AsyncGenerator[list[NatsMessage], None]:
        """What follows `sequence`, in order, until there is nothing more at the moment.

        Raises ResyncRequiredError before a page that would leave something out, NatsError while the stream is
        unreachable.
        """
        info = await self._js.add_consumer(EVENTS_STREAM, ephemeral_consumer(subject_filter, sequence))
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
            with suppress(
                *NATS_OUTAGE_ERRORS
            ):  # nobody reads the reply, but NATS ignores a request without its subject
                subject = f"$JS.API.CONSUMER.DELETE.{EVENTS_STREAM}.{info.name}"
                await self._client.publish(subject, reply=self._client.new_inbox())

    async def _page(self, consumer: str, count: int) -> list[NatsMessage]:
        """At least one message; the caller knows that there are some. Raises NatsError or TimeoutError.

        It is bounded in bytes, which `fetch` of the library is not: 200 events may have 200 MB.
        """
        arrived: asyncio.Queue[NatsMessage] = asyncio.Queue()
        inbox = await self._client.subscribe(self._client.new_inbox(), cb=arrived.put)
        largest_page = self._client.max_payload + PAGE_SPARE_BYTES  # holds any single event
        try:
            for max_bytes in (PAGE_BYTES, largest_page):
                if page := await self._pull(inbox, arrived, consumer, {"batch": count, "max_bytes": max_bytes}):
                    return page
        finally:
            with suppress(*NATS_OUTAGE_ERRORS):
                await inbox.unsubscribe()
        raise NatsError("nats: an empty page of events")

    async def _pull(
        self, inbox: Subscription, arrived: asyncio.Queue[NatsMessage], consumer: str, bounds: dict[str, int]
    ) -> list[NatsMessage]:
        """Empty when the next event is larger than `max_bytes`."""
        request = json.dumps({"no_wait": True, **bounds}).encode()
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{EVENTS_STREAM}.{consumer}"
        await self._client.publish(subject, request, reply=inbox.subject)
        page: list[NatsMessage] = []
        async with asyncio.timeout(PAGE_TIMEOUT_S):
            while len(page) < bounds["batch"]:
                message = await arrived.get()
                if not message.reply:  # a status: there are no more, or the next one does not fit
                    break
                page.append(message)
        return page

    async def require_retained(self, sequence: int) -> None:
        """Raises ResyncRequiredError unless the stream still has everything behind `sequence`.

        Asked after reading: what it has then, it had when the page was read.
        """
        state = (await self._js.stream_info(EVENTS_STREAM)).state
        if not state.first_seq - 1 <= sequence <= state.last_seq:
            raise ResyncRequiredError(f"the stream has {state.first_seq} to {state.last_seq}")
