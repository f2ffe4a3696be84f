"""A room is an organization's subjects: the first socket that joins starts the feed, the last one leaving ends it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from nats.aio.client import Client
from nats.js import JetStreamContext
from prometheus_client import Gauge
from pydantic import ValidationError

from services.realtime.feed import Feed
from services.realtime.wire import Payload, to_wire
from shared.topology import events_of, parse_event

Emit = Callable[[str, Payload, str], Awaitable[None]]
"""Called with event name, payload and organization id."""

ROOMS = Gauge("switchboard_realtime_rooms", "Organizations with at least one socket here")
log = logging.getLogger(__name__)


class Rooms:
    """Counts the sockets of each organization and holds its feed."""

    def __init__(self, client: Client, js: JetStreamContext, emit: Emit) -> None:
        self._client, self._js, self._emit = client, js, emit
        self._members: dict[str, set[str]] = {}
        self._feeds: dict[str, Feed] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def join(self, organization_id: str, sid: str) -> int:
        """The sequence behind which this socket hears everything. Raises a NATS error when the stream is away."""
        async with self._locks.setdefault(organization_id, asyncio.Lock()):
            feed = self._feeds.get(organization_id)
            if feed is None:
                feed = Feed(self._client, self._js, events_of(organization_id), self._relay(organization_id))
                await feed.start()
                self._feeds[organization_id] = feed
            self._members.setdefault(organization_id, set()).add(sid)
            ROOMS.set(len(self._feeds))
            return feed.sequence

    async def leave(self, organization_id: str, sid: str) -> None:
        """Repeatable."""
        async with self._locks.setdefault(organization_id, asyncio.Lock()):
            members = self._members.get(organization_id, set())
            members.discard(sid)
            if members:
                return
            self._members.pop(organization_id, None)
            if feed := self._feeds.pop(organization_id, None):
                await feed.stop()
            ROOMS.set(len(self._feeds))

    def sequence(self, organization_id: str) -> int:
        """Of the newest event the room was told; 0 without a room."""
        feed = self._feeds.get(organization_id)
        return feed.sequence if feed else 0

    async def close(self) -> None:
        for feed in list(self._feeds.values()):
            await feed.stop()
        self._feeds.clear()

    def _relay(self, organization_id: str) -> Callable[[str, int, bytes], Awaitable[None]]:
        async def receive(address: str, sequence: int, body: bytes) -> None:
            try:
                event = parse_event(address, body)
            except ValidationError as error:
                log.warning("%s: an unreadable event is left out: %s", address, error.errors()[0]["msg"])
                return
            for name, payload in to_wire(event, sequence) if event else ():
                await self._emit(name, payload, organization_id)

        return receive
