"""Shows on an instance that WhatsApp restricts it, for a while, from writing to contacts who never wrote to it."""

import asyncio
import time

from services.session.ipc.send_error_codes import NEW_CHATS_RESTRICTED
from services.session.supervisor.connection_status import ConnectionStatusStore
from services.session.supervisor.instance_supervisor import InstanceSupervisor
from services.session.supervisor.supervised_instance import SupervisedInstance
from shared.contracts.records import ConnectionStatus as S
from shared.platform.background import run_once

RESTRICTION_SHOWN_S = 86_400.0
"""Counted from the last refused send. WhatsApp does not tell the library when such a restriction ends; people report
from a day to a week."""


class NewChatLimit:
    def __init__(
        self,
        supervisor: InstanceSupervisor,
        statuses: ConnectionStatusStore,
        shown_s: float = RESTRICTION_SHOWN_S,
    ) -> None:
        self._supervisor = supervisor
        self._statuses = statuses
        self._shown_s = shown_s

    async def on_send_refused(self, instance_id: str) -> None:
        """A send failed with NEW_CHATS_RESTRICTED."""
        if (instance := self._supervisor.get(instance_id)) is None:
            return
        async with self._supervisor.exclusive(instance):
            instance.new_chats_restricted_until = time.monotonic() + self._shown_s
            asyncio.get_running_loop().call_later(self._shown_s, self._schedule_end, instance_id)
            await self._set_reason(instance, NEW_CHATS_RESTRICTED)

    def _schedule_end(self, instance_id: str) -> None:
        run_once("end of a restriction of new chats", self._end(instance_id))

    async def _end(self, instance_id: str) -> None:
        instance = self._supervisor.get(instance_id)
        if instance is None or instance.new_chats_restricted:  # not owned any more, or refused again meanwhile
            return
        async with self._supervisor.exclusive(instance):
            if instance.connection.reason == NEW_CHATS_RESTRICTED:
                await self._set_reason(instance, None)

    async def _set_reason(self, instance: SupervisedInstance, reason: str | None) -> None:
        """Unless the status has another reason, which is more important."""
        current = instance.connection.reason
        if instance.is_connected and current in (None, NEW_CHATS_RESTRICTED) and current != reason:
            await self._statuses.set(instance, S.CONNECTED, reason)
