"""What a socket missed, read from the stream page by page."""

from collections.abc import AsyncGenerator
from contextlib import suppress

from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from shared.ids import new_id
from shared.topology import EVENTS_STREAM

PAGE = 200
"""Events read at once."""
INACTIVE = 30.0
"""Seconds after which the server forgets a reader that died."""
_ANSWER = 5.0
"""Seconds the server has for a page."""


class TooMuchMissedError(Exception):
    """The stream no longer keeps everything since then, or it is more than a socket is told: load the records anew."""


class History:
    """The events of the stream by subject filter. `limit`: how many are read at most for one socket."""

    def __init__(self, js: JetStreamContext, limit: int) -> None:
        self._js, self._limit = js, limit

    async def after(self, pattern: str, sequence: int) -> AsyncGenerator[list[Msg], None]:
        """Pages of what follows `sequence`, in order, until there is nothing more at the moment.

        Raises TooMuchMissedError before the page that would leave something out, a NATS error when the stream is away.
        """
        config = ConsumerConfig(
            name=f"realtime-{new_id()}", deliver_policy=DeliverPolicy.BY_START_SEQUENCE, opt_start_seq=sequence + 1,
            ack_policy=AckPolicy.NONE, filter_subject=pattern, mem_storage=True, inactive_threshold=INACTIVE,
            num_replicas=1,
        )  # fmt: skip
        info = await self._js.add_consumer(EVENTS_STREAM, config)
        pending = info.num_pending or 0
        try:
            if pending > self._limit:
                raise TooMuchMissedError(f"{pending} events")
            reader = await self._js.pull_subscribe_bind(info.name, EVENTS_STREAM)
            try:
                await self.check_kept(sequence)
                while pending:
                    page = await reader.fetch(min(pending, PAGE), timeout=_ANSWER)
                    await self.check_kept(sequence)
                    sequence, pending = page[-1].metadata.sequence.stream, page[-1].metadata.num_pending
                    yield page
            finally:
                await reader.unsubscribe()
        finally:
            with suppress(NatsError, TimeoutError, OSError):
                await self._js.delete_consumer(EVENTS_STREAM, info.name)

    async def check_kept(self, sequence: int) -> None:
        """Raises TooMuchMissedError unless everything behind `sequence` is kept.

        Asked after reading: what is kept then was kept when the page was read.
        """
        state = (await self._js.stream_info(EVENTS_STREAM)).state
        if not state.first_seq - 1 <= sequence <= state.last_seq:
            raise TooMuchMissedError(f"the stream keeps {state.first_seq} to {state.last_seq}")
