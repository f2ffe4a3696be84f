"""An instance was linked: compares the number of the phone with the one that was expected."""

import logging
from functools import partial

from services.session.ipc.messages import ConnectionUpdate
from services.session.store.connections import ConnectionCollection, ConnectionFields
from services.session.supervisor.relinking import OtherNumber, verdict
from services.session.supervisor.supervised_instance import SupervisedInstance
from shared.platform.retries import retry_during_outage

log = logging.getLogger(__name__)


class DeviceLinking:
    def __init__(self, connections: ConnectionCollection, policy: OtherNumber) -> None:
        self._connections = connections
        self._policy = policy

    async def check_number(self, instance: SupervisedInstance, update: ConnectionUpdate) -> ConnectionFields:
        """Fields to save of an update that names the account's addresses. Sets `number_refused` and `number_changed` of
        the instance; when the number is refused, the instance keeps the addresses it had and is logged out."""
        addresses = _reported_addresses(update)
        if update.event != "paired" or not update.phone_number:
            return {} if instance.runtime.number_refused else addresses
        linked, configured = instance.connection.phone_number, await self._configured_number(instance)
        result = verdict(update.phone_number, linked, configured, self._policy)
        instance.runtime = instance.runtime.on_number_checked(result)
        if result == "same":
            return {**addresses, "previous_phone_number": None}
        log.warning("%s: a phone with another number linked it (%s)", instance.instance_id, result)
        if result == "refuse":
            return {"jid": update.jid, "ending": "keep"}
        return {**addresses, "previous_phone_number": linked or configured}

    async def _configured_number(self, instance: SupervisedInstance) -> str | None:
        """Retried until MongoDB is reachable."""
        read = partial(self._connections.configured_phone_number, instance.instance_id)
        return await retry_during_outage(f"phone number of {instance.instance_id}", read)


def _reported_addresses(update: ConnectionUpdate) -> ConnectionFields:
    addresses: ConnectionFields = {}
    if update.jid:
        addresses["jid"] = update.jid
    if update.phone_number:
        addresses["phone_number"] = update.phone_number
    if update.lid:
        addresses["lid"] = update.lid
    return addresses
