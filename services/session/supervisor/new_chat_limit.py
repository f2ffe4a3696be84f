"""WhatsApp refuses for a while that an account writes to people who never wrote to it: its instance shows that."""

import asyncio
import time

from services.session.ipc.send_error_codes import NEW_CHATS_RESTRICTED
from services.session.supervisor.connection_status import Board
from services.session.supervisor.instance_supervisor import Accounts
from services.session.supervisor.supervised_instance import Account
from shared.contracts.records import ConnectionStatus as S
from shared.platform.background import run_once

SHOWN_S = 86_400.0
"""Seconds after the last refused send. WhatsApp does not tell the library when such a restriction ends; people report
from a day to a week."""


class NewChats:
    """`restricted()` for each send that was refused with this reason."""

    def __init__(self, accounts: Accounts, board: Board, shown_s: float = SHOWN_S) -> None:
        self._accounts, self._board, self._shown_s = accounts, board, shown_s

    async def restricted(self, instance_id: str) -> None:
        if (account := self._accounts.get(instance_id)) is None:
            return
        async with self._accounts.deciding(account):
            account.new_chats_restricted_until = time.monotonic() + self._shown_s
            asyncio.get_running_loop().call_later(self._shown_s, self._look_again, instance_id)
            await self._show(account, NEW_CHATS_RESTRICTED)

    def _look_again(self, instance_id: str) -> None:
        run_once("end of a restriction of new chats", self._end(instance_id))

    async def _end(self, instance_id: str) -> None:
        account = self._accounts.get(instance_id)
        if account is None or account.new_chats_restricted:  # gone, or refused again meanwhile
            return
        async with self._accounts.deciding(account):
            if account.held.reason == NEW_CHATS_RESTRICTED:
                await self._show(account, None)

    async def _show(self, account: Account, reason: str | None) -> None:
        """A state that says something else is more important."""
        if account.connected and account.held.reason in (None, NEW_CHATS_RESTRICTED) and account.held.reason != reason:
            await self._board.show(account, S.CONNECTED, reason)
