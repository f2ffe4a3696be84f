"""Ephemeral events of an organization (typing, presence) for the sockets that are connected right now."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from pydantic import ValidationError

from shared.contracts.ephemeral import is_stale
from shared.contracts.message import EphemeralEvent, utc_now
from shared.contracts.registry import ephemeral_filters, parse_ephemeral
from shared.messaging.client import NatsClient, NatsMessage, Subscription
from shared.platform.outages import OUTAGE_ERRORS

log = logging.getLogger(__name__)


class EphemeralFeed:
    """Calls `on_event` with each. Nothing is repeated, and what arrives late is dropped."""

    def __init__(
        self, client: NatsClient, organization_id: str, on_event: Callable[[EphemeralEvent], Awaitable[None]]
    ) -> None:
        self._client = client
        self._subject_filters = ephemeral_filters("realtime", organization_id)
        self._on_event = on_event
        self._subscriptions: list[Subscription] = []

    async def start(self) -> None:
        """Raises NatsError while disconnected."""
        for subject_filter in self._subject_filters:
            self._subscriptions.append(await self._client.subscribe(subject_filter, cb=self._on_message))

    async def stop(self) -> None:
        for subscription in self._subscriptions:
            with suppress(*OUTAGE_ERRORS):
                await subscription.unsubscribe()

    async def _on_message(self, message: NatsMessage) -> None:
        try:
            event = parse_ephemeral(message.subject, message.data)
        except ValidationError as error:
            log.warning("%s: an unreadable ephemeral event is skipped: %s", message.subject, error.errors()[0]["msg"])
            return
        if event and event.full_subject == message.subject and not is_stale(event, utc_now()):
            await self._on_event(event)
