"""Tells routers that settings were changed, so that they do not use those that they remember."""

import logging

from services.api.context import ApiContext
from shared.contracts.events import SettingsChanged
from shared.contracts.ids import NO_INSTANCE
from shared.messaging.client import NATS_OUTAGE_ERRORS
from shared.messaging.publisher import Publisher

log = logging.getLogger(__name__)


async def publish_settings_changed(context: ApiContext, organization_id: str, instance_id: str = NO_INSTANCE) -> None:
    """The settings are stored already: without the event, routers read them within five seconds."""
    event = SettingsChanged(organization_id=organization_id, instance_id=instance_id)
    try:
        await Publisher(context.jetstream)(event)
    except NATS_OUTAGE_ERRORS as error:
        log.warning("SettingsChanged cannot be published: %s", type(error).__name__)
