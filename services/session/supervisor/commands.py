"""The commands of the session service: connect, disconnect, log out."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from services.session.store.connections import Ending
from services.session.supervisor.connection_status import Board
from services.session.supervisor.instance_supervisor import Accounts
from services.session.supervisor.supervised_instance import Account
from shared.contracts.command_lifetimes import MAX_CLOCK_DIFFERENCE, is_late, too_late
from shared.contracts.commands import ConnectInstance, DisconnectInstance, LogoutInstance
from shared.contracts.errors import Problem, Retry
from shared.contracts.ids import InvalidPhone, parse_phone
from shared.contracts.message import Command, Message, utc_now
from shared.contracts.records import ConnectionStatus as S
from shared.contracts.records import Network
from shared.messaging.command_client import refusal, too_many_pending_commands

log = logging.getLogger(__name__)
_SHOWS_LATE_CONNECT = frozenset({S.DISCONNECTED, S.LOGGED_OUT, S.FAILED})


Hold = Callable[[Command, Network], Awaitable[Account | None]]
"""The command's account, held by this node; None while another living node has it. Raises Problem: 404 for an instance
the organization does not have, 409 for one whose device keys lie elsewhere."""


class Handlers:
    """One command at a time for each account; what takes long goes on after the command was accepted."""

    def __init__(
        self,
        accounts: Accounts,
        board: Board,
        hold: Hold,
        publish: Callable[[Message], Awaitable[None]],
        networks: frozenset[Network],
    ) -> None:
        self._accounts, self._board, self._hold_here = accounts, board, hold
        self._publish, self._networks = publish, networks

    async def connect(self, command: ConnectInstance) -> None:
        """Repeatable: an account that is connected, or on its way, stays so and says so."""
        async with self._refusing(command):
            phone = self._check(command)
            account = await self._hold(command, command.network)
            async with self._deciding(account):
                await self._require_timely(account, command)
                await self._connect(account, command, phone)

    async def disconnect(self, command: DisconnectInstance) -> None:
        async with self._refusing(command):
            await self._disconnect(command)

    async def _disconnect(self, command: DisconnectInstance) -> None:
        account = await self._hold(command, Network.WHATSAPP)
        async with self._deciding(account):
            _require_latest(account, command)
            account.cause = command.id
            await self._board.remember(account, should_run=False, asked_at=command.at)
            if account.running:
                self._accounts.stop(account)
                return
            account.cancel_timer()
            if account.held.status in (S.LOGGED_OUT, S.DISCONNECTED):
                self._board.answer(account)
            else:
                await self._board.show(account, S.DISCONNECTED, "as_asked")
            account.cause = None

    async def logout(self, command: LogoutInstance) -> None:
        """A linked account that is not connected is connected first, so that WhatsApp hears of it."""
        ending: Ending = "delete" if command.delete else "keep"
        async with self._refusing(command):
            account = await self._hold(command, Network.WHATSAPP)
            async with self._deciding(account):
                self._let_it_end(account)
                account.cause = command.id
                await self._board.remember(account, should_run=False, ending=ending, asked_at=command.at)
                await self._accounts.log_out(account)

    async def refuse(self, command: Command) -> None:
        """The organization has too many commands of this kind waiting."""
        await self._refuse(command, too_many_pending_commands())

    def _check(self, command: ConnectInstance) -> str | None:
        """The number to pair by code. Raises Problem."""
        if command.network not in self._networks:
            detail = "the simulated network exists only in local mode with WA_SIMULATOR_URL"
            raise Problem(422, "simulator_disabled", detail)
        if command.method == "qr":
            return None
        if not command.phone_number:
            raise Problem(422, "missing_phone_number", "a pairing code needs the account's phone number")
        try:
            return parse_phone(command.phone_number)
        except InvalidPhone as error:
            raise Problem(422, "invalid_phone", str(error)) from error

    async def _require_timely(self, account: Account, command: ConnectInstance) -> None:
        """Raises Problem 409 for a connect that waited too long or came before what was done since. The caller is gone
        by then, so the account shows why it is not connected."""
        _require_latest(account, command)
        if not is_late(command, utc_now()):
            return
        if account.held.status in _SHOWS_LATE_CONNECT and account.idle and not account.held.should_run:
            account.cause = command.id
            await self._board.show(account, account.held.status, "connect_too_late")
            account.cause = None
        raise too_late(command)

    async def _connect(self, account: Account, command: ConnectInstance, phone: str | None) -> None:
        method = command.method
        if account.held.ending:
            raise Problem(409, "instance_logging_out", "the instance is being logged out; try again in a moment")
        if account.held.status is S.RESTRICTED and account.held.until and account.held.until > command.at:
            until = account.held.until.isoformat(timespec="seconds")
            raise Problem(409, "instance_restricted", f"WhatsApp restricts this account until {until}")
        self._let_it_end(account)
        if account.running and not account.held.linked and (account.method, account.pair_number) != (method, phone):
            self._accounts.stop(account)  # the other way to pair begins when this one has ended
            self._let_it_end(account)
        account.cause = command.id
        await self._board.remember(account, should_run=True, network=command.network.value, asked_at=command.at)
        if account.running:
            self._board.answer(account)
            account.cause = None if account.connected else command.id
            return
        account.method, account.pair_number, account.failures = method, phone, 0
        await self._accounts.start(account)

    @asynccontextmanager
    async def _deciding(self, account: Account) -> AsyncIterator[None]:
        """Raises Retry when another node took the account over: the command is for that one."""
        async with self._accounts.deciding(account):
            yield
        if account.taken:
            raise Retry("another node took this instance over")

    def _let_it_end(self, account: Account) -> None:
        """Raises Retry while the connection is closing: its last word must not be taken for that of the next one."""
        if account.stopping:
            raise Retry("the connection is just being closed")

    async def _hold(self, command: Command, network: Network) -> Account:
        """The account, claimed for this node. Raises Problem 404 for another organization's, Retry while another living
        node has it."""
        account = await self._hold_here(command, network)
        if account is None:
            raise Retry("another node holds this instance")
        return account

    @asynccontextmanager
    async def _refusing(self, command: Command) -> AsyncIterator[None]:
        """A Problem raised inside becomes the CommandRefused that names the command."""
        try:
            yield
        except Problem as problem:
            await self._refuse(command, problem)

    async def _refuse(self, command: Command, problem: Problem) -> None:
        log.info("%s refused: %s", command.subject, problem.code)
        await self._publish(refusal(command, problem))


def _require_latest(account: Account, command: Command) -> None:
    """Raises Problem 409 when something else was asked for, and done, since: the later wish counts."""
    done = account.held.asked_at
    if done and command.at < done - MAX_CLOCK_DIFFERENCE:
        detail = (
            "this was asked before the latest connect, disconnect or logout that was carried out, so it was not done"
        )
        raise Problem(409, "superseded", detail)
