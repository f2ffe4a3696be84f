"""An account was linked: which phone scanned the code, and whether it is the one that was expected."""

import asyncio
import logging
from typing import Any

from services.session.ipc.messages import ConnectionUpdate
from services.session.ipc.send_error_codes import NEW_CHATS_RESTRICTED
from services.session.store.connections import Connections
from services.session.supervisor.connection_state import Outcome
from services.session.supervisor.relinking import OtherNumber, verdict
from services.session.supervisor.supervised_instance import Account
from shared.contracts.records import ConnectionStatus
from shared.platform.mongo import TRANSIENT_ERRORS

_PAUSE_S = 1.0
log = logging.getLogger(__name__)


def shown(account: Account, frame: ConnectionUpdate, outcome: Outcome) -> tuple[ConnectionStatus, str | None]:
    """Status and reason. A phone that is refused is never shown as connected."""
    if account.refused_number:
        return ConnectionStatus.CONNECTING, "other_number_refused"
    if frame.event == "connected" and account.changed_number:
        return outcome.status, "number_changed"
    if frame.event == "connected" and account.new_chats_restricted:
        return outcome.status, NEW_CHATS_RESTRICTED
    return outcome.status, outcome.reason


class Linking:
    def __init__(self, connections: Connections, policy: OtherNumber) -> None:
        self._connections, self._policy = connections, policy

    async def fields(self, account: Account, frame: ConnectionUpdate) -> dict[str, Any]:
        """What to write of a frame that names the account's addresses. A phone that is refused gets
        `account.refused_number`, and the addresses that were known before stay."""
        told = {"jid": frame.jid, "phone_number": frame.phone_number, "lid": frame.lid}
        found: dict[str, Any] = {key: value for key, value in told.items() if value}
        if frame.event != "paired" or not frame.phone_number:
            return {} if account.refused_number else found
        before = account.held.phone_number or await self._configured(account)
        judged = verdict(frame.phone_number, account.held.phone_number, await self._configured(account), self._policy)
        account.refused_number, account.changed_number = judged == "refuse", judged == "follow"
        if judged == "same":
            return found | {"previous_phone_number": None}
        log.warning("%s: another phone linked it (%s)", account.instance_id, judged)
        refused = {"jid": frame.jid, "ending": "keep"}
        return refused if judged == "refuse" else found | {"previous_phone_number": before}

    async def _configured(self, account: Account) -> str | None:
        """However long MongoDB is away."""
        while True:
            try:
                return await self._connections.configured_number(account.instance_id)
            except TRANSIENT_ERRORS as error:
                log.warning("the number of %s cannot be read yet: %s", account.instance_id, str(error)[:120])
                await asyncio.sleep(_PAUSE_S)
