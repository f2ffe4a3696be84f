"""What an organization's contacts do just now, for whoever listens at this moment."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from pydantic import ValidationError

from services.realtime.payloads import SocketEvents, ephemeral_events_of
from shared.contracts.ephemeral import is_stale
from shared.contracts.message import utc_now
from shared.contracts.registry import ephemeral_filters, parse_ephemeral
from shared.messaging.client import NatsClient, NatsError, NatsMessage, Subscription

log = logging.getLogger(__name__)


class EphemeralFeed:
    """Calls `tell` with what sockets are told; nothing is repeated, and nothing that is late is told."""

    def __init__(
        self, client: NatsClient, organization_id: str, tell: Callable[[SocketEvents], Awaitable[None]]
    ) -> None:
        self._client, self._subject_filters, self._on_events = (
            client,
            ephemeral_filters("realtime", organization_id),
            tell,
        )
        self._subscriptions: list[Subscription] = []

    async def start(self) -> None:
        """Raises a NATS error when the connection is away."""
        for pattern in self._subject_filters:
            self._subscriptions.append(await self._client.subscribe(pattern, cb=self._on_message))

    async def stop(self) -> None:
        for subscription in self._subscriptions:
            with suppress(NatsError, OSError):
                await subscription.unsubscribe()

    async def _on_message(self, message: NatsMessage) -> None:
        try:
            live = parse_ephemeral(message.subject, message.data)
        except ValidationError as error:
            log.warning("%s: unreadable, left out: %s", message.subject, error.errors()[0]["msg"])
            return
        if live and live.full_subject == message.subject and not is_stale(live, utc_now()):
            await self._on_events(ephemeral_events_of(live))
