"""Where the states of accounts are written down and announced: MongoDB first, then everybody."""

import asyncio
import logging
from typing import Any

from services.session.ipc.messages import LinkingCode
from services.session.store.connections import Connections
from services.session.supervisor.event_publisher import Outlet
from services.session.supervisor.status_events import code_announced, connection_changed
from services.session.supervisor.status_reasons import detail_of
from services.session.supervisor.supervised_instance import Account
from shared.contracts.records import ConnectionStatus as S
from shared.platform.mongo import TRANSIENT_ERRORS

WAIT = 1.0
"""Seconds between attempts to write while MongoDB is away."""
log = logging.getLogger(__name__)


class TakenOver(Exception):
    """Another node has the account now; this one lets go of it."""


class Board:
    def __init__(self, connections: Connections, outlet: Outlet) -> None:
        self._connections, self._outlet = connections, outlet

    async def show(self, account: Account, status: S, reason: str | None, **more: Any) -> None:
        """The account's new state. Raises TakenOver."""
        previous = account.held.status
        fields = {"status": status.value, "reason": reason, "detail": detail_of(reason), "until": None, **more}
        if status is not S.QR_PENDING:
            fields["qr"] = None
        if status is not S.PAIRING:
            fields["pairing_code"] = None
        if status not in (S.QR_PENDING, S.PAIRING):
            account.issued = None
        await self.remember(account, **fields)
        self._outlet.put(account.instance_id, connection_changed(account, previous))

    def answer(self, account: Account) -> None:
        """The present state, or the code being shown, once more, to the command that asks."""
        if account.issued:
            self._outlet.put(account.instance_id, code_announced(account, account.issued))
        else:
            self._outlet.put(account.instance_id, connection_changed(account, account.held.status))

    async def offer(self, account: Account, issued: LinkingCode) -> None:
        """A code to link the account with. Raises TakenOver."""
        account.issued = issued
        if issued.kind == "code":
            shown = {"code": issued.code, "phone_number": account.pair_number or "", "expires_at": issued.expires_at}
            await self.show(account, S.PAIRING, None, pairing_code=shown)
        else:
            await self._offer_qr(account, issued)
        self._outlet.put(account.instance_id, code_announced(account, issued))

    async def _offer_qr(self, account: Account, issued: LinkingCode) -> None:
        qr: dict[str, Any] = {"qr": issued.code, "ascii": issued.ascii_art}
        qr |= issued.model_dump(include={"data_url", "attempt", "expires_at"})
        if account.held.status is S.QR_PENDING:
            await self.remember(account, qr=qr)
        else:
            await self.show(account, S.QR_PENDING, None, qr=qr)

    async def remember(self, account: Account, **fields: Any) -> None:
        """Write, however long MongoDB is away. Raises TakenOver."""
        while True:
            try:
                written = await self._connections.write(account.held, fields)
                break
            except TRANSIENT_ERRORS as error:
                log.warning("the state of %s cannot be written yet: %s", account.instance_id, str(error)[:120])
                await asyncio.sleep(WAIT)
        if not written:
            raise TakenOver(account.instance_id)
        account.held = account.held.after(fields)

    async def erase(self, account: Account) -> None:
        """Forget the connection altogether."""
        await self._connections.forget(account.held)
