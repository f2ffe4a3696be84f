"""Publish messages: to the streams of JetStream, to the dead letters, or as ephemeral events on core NATS."""

import asyncio
from contextlib import suppress

from nats.errors import MaxPayloadError
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.api import PubAck
from nats.js.errors import BadRequestError

from shared.contracts.message import EphemeralEvent, Message
from shared.contracts.registry import DEAD_PREFIX, MAX_MESSAGE_BYTES, stream_of
from shared.contracts.request_id import HEADER
from shared.messaging.client import NATS_OUTAGE_ERRORS, JetStreamContext, NatsClient, NatsError

_PUBLISH_TIMEOUT_S = 5.0

MAX_BODY_BYTES = MAX_MESSAGE_BYTES - 20_000
"""Of a message; the rest is for its headers."""
FULL_SIZE_HEADER = "x-full-size"
"""Of a dead letter that keeps only the head of a body: the bytes of the whole body."""


class Publisher:
    """Publishes to the stream of the message's class. JetStream drops an id that it stored in the last ten minutes."""

    def __init__(self, js: JetStreamContext) -> None:
        self._js = js

    async def __call__(self, *messages: Message) -> None:
        """Returns when all are stored, in this order.

        Raises NatsError when an ack is missing; that message may have been stored all the same.
        """
        pending: list[asyncio.Future[PubAck]] = []
        try:
            for message in messages:
                pending.append(await self._start(message))
            if pending and (await asyncio.wait(pending, timeout=_PUBLISH_TIMEOUT_S))[1]:
                raise NatsTimeoutError
        finally:
            for ack in pending:
                ack.cancel()  # no effect on those that are done
            errors = [error for ack in pending if not ack.cancelled() and (error := ack.exception())]
        if errors:
            raise errors[0]

    async def _start(self, message: Message) -> "asyncio.Future[PubAck]":
        headers = {"Nats-Msg-Id": message.deduplication_id} | request_header(message)
        body, newest = message.model_dump_json().encode(), self._newest_pending()
        try:
            return await self._js.publish_async(
                message.full_subject, body, stream=stream_of(type(message)), headers=headers
            )
        except NatsError:
            if (own := self._newest_pending()) is not None and own is not newest:
                own.cancel()
            raise

    def _newest_pending(self) -> "asyncio.Future[PubAck] | None":
        """nats-py 2.16 never drops the future of a publish that it could not write: while NATS is unreachable that
        would be one for each attempt, so `_start` cancels it."""
        return next(reversed(self._js._publish_async_futures.values()), None)

    async def dead_letter(self, subject: str, body: bytes, error: str, attempts: int, consumer: str = "") -> None:
        """Store a message that could not be handled in WA_DEAD, with the error and the consumer that gave up.

        Of a body that is too large for the stream only the head is stored.
        """
        reason = " ".join(error.split())[:1000].encode("ascii", "backslashreplace").decode()
        headers = {"x-error": reason, "x-attempts": str(attempts), "x-consumer": consumer}
        head = body[:MAX_BODY_BYTES]
        while True:
            size = {FULL_SIZE_HEADER: str(len(body))} if len(head) < len(body) else {}
            try:
                await self._js.publish(DEAD_PREFIX + subject, head, timeout=5, headers=headers | size)
                return
            except (MaxPayloadError, BadRequestError):  # this server takes less than ours by default
                if not head:
                    raise
                head = head[: len(head) // 2]


def request_header(message: Message) -> dict[str, str]:
    """The NATS header with the id of the HTTP request or socket event that led to a message."""
    return {HEADER: message.request_id} if message.request_id else {}


async def publish_ephemeral(client: NatsClient, event: EphemeralEvent) -> None:
    """Publish an ephemeral event; it is dropped while NATS is unreachable.

    Raises ValueError for a subject or body that NATS does not take.
    """
    if not client.is_connected:
        return
    with suppress(*NATS_OUTAGE_ERRORS):
        await client.publish(event.full_subject, event.model_dump_json().encode())
