"""The state of the simulated network: accounts, groups, connections, faults, and the people by phone number."""

import random
import re
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from simulator.names import NameGenerator
from simulator.protocol.jid import PHONE_SERVER, Jid
from simulator.protocol.node import Node
from simulator.protocol.noise import NoiseKeys
from simulator.serial import from_plain
from simulator.server.accounts import Companion, Faults, SimulatedAccount, SimulatedGroup
from simulator.server.connection import ClientConnection
from simulator.server.delivery import StanzaQueues
from simulator.store import SimulatorStore

_BRAZIL = re.compile(r"55(\d\d)(9?)([6-9]\d{7})")


@dataclass(frozen=True)
class IncomingStanza:
    """A stanza of a companion for one recipient, with the part encrypted for that recipient."""

    sender: Companion
    stanza: Node
    enc: Node


class NetworkMember(Protocol):
    """Device 0 of an account: decrypts what companions send."""

    account: SimulatedAccount

    def accept(self, received: Any) -> None: ...
    def on_message(self, incoming: IncomingStanza) -> None: ...
    def on_group_message(self, group: SimulatedGroup, incoming: IncomingStanza, key: Node | None) -> None: ...
    def on_receipt(self, sender: Companion, ids: list[str], node: Node) -> None: ...
    def on_typing(self, sender: Companion, state: str) -> None: ...
    def on_link_code(self, connection: ClientConnection, node: Node) -> bytes: ...
    def on_link_code_finish(self, connection: ClientConnection, node: Node) -> None: ...


@dataclass
class NetworkMetadata:
    """Stored data of the network itself: Noise keys, number of runs, and whether the last run was stopped cleanly."""

    noise: NoiseKeys = field(default_factory=NoiseKeys.new)
    runs: int = 0
    ended_in_order: bool = True


class NetworkState:
    """Loads everything from the store at construction; `touch` marks an account as changed."""

    def __init__(self, store: SimulatorStore, folder: Path, seed: int | None) -> None:
        self.store, self.folder = store, folder
        self.meta = next((from_plain(NetworkMetadata, body) for _, body in store.load("meta")), NetworkMetadata())
        self.meta.runs += 1
        # a killed run may have used message keys without storing the advanced sessions
        self.sessions_stale = not self.meta.ended_in_order
        self.meta.ended_in_order = False
        store.mark_changed("meta", "meta", self.meta)
        # the run number is part of the seed: otherwise a restart would repeat message ids
        self.names = NameGenerator(random.Random(secrets.randbits(64) if seed is None else f"{seed}/{self.meta.runs}"))
        accounts = [from_plain(SimulatedAccount, body) for _, body in store.load("account")]
        self.accounts: dict[str, SimulatedAccount] = {account.number: account for account in accounts}
        self.groups: dict[str, SimulatedGroup] = {
            group_id: from_plain(SimulatedGroup, body) for group_id, body in store.load("group")
        }
        self._by_lid = {account.lid_user: account for account in self.accounts.values()}
        self.people: dict[str, NetworkMember] = {}
        self.connections: set[ClientConnection] = set()
        self.faults = Faults()
        self.unknown_stanzas: list[str] = []
        self.delivery = StanzaQueues(store)
        self.delivery.restore(
            companion for account in self.accounts.values() for companion in account.companions.values()
        )

    @staticmethod
    def now() -> int:
        """Epoch seconds."""
        return int(time.time())

    async def close(self) -> None:
        """Stores everything, and that the run was stopped cleanly."""
        self.meta.ended_in_order = True
        self.store.mark_changed("meta", "meta", self.meta)
        await self.store.close()

    def mark_changed(self, account: SimulatedAccount) -> None:
        self.store.mark_changed("account", account.number, account)

    def add_account(self, number: str, name: str, role: str) -> SimulatedAccount:
        account = SimulatedAccount(number, self.names.lid(self._by_lid), name, role)
        self.accounts[number] = self._by_lid[account.lid_user] = account
        self.mark_changed(account)
        return account

    def renumber(self, account: SimulatedAccount, number: str) -> None:
        """Changes the number of an account, which keeps its LID."""
        person, old = self.people.pop(account.number), account.number
        del self.accounts[old]
        self.store.mark_changed("account", old, account)
        account.number = number
        self.accounts[number], self.people[number] = account, person
        self.mark_changed(account)

    def add_group(self, subject: str, members: list[str]) -> SimulatedGroup:
        group = SimulatedGroup(self.names.group_id(), subject, list(dict.fromkeys(members)), self.now())
        self.groups[group.id] = group
        self.store.mark_changed("group", group.id, group)
        return group

    def account(self, jid: Jid) -> SimulatedAccount | None:
        """The account of a phone-number JID or of a LID."""
        return self.accounts.get(jid.user) if jid.server in (PHONE_SERVER, "c.us") else self._by_lid.get(jid.user)

    def find_by_lid(self, lid_user: str) -> SimulatedAccount | None:
        return self._by_lid.get(lid_user)

    def find_by_number(self, number: str) -> SimulatedAccount | None:
        """The account with this number; for Brazilian mobile numbers with or without the ninth digit."""
        account = self.accounts.get(number)
        if account is None and (brazil := _BRAZIL.fullmatch(number)):
            area, ninth_digit, line = brazil.groups()
            account = self.accounts.get(f"55{area}{'' if ninth_digit else '9'}{line}")
        return account

    def person(self, jid: Jid) -> NetworkMember | None:
        account = self.account(jid)
        return self.people.get(account.number) if account else None

    def companion(self, jid: Jid) -> Companion | None:
        account = self.account(jid)
        return account.companions.get(jid.device) if account else None

    def pairing_connection(self, ref: str) -> ClientConnection | None:
        """The pairing connection that was sent this QR reference."""
        return next((connection for connection in self.connections if ref in connection.refs), None)

    def forget_device(self, companion: Companion) -> None:
        """Deletes an unlinked device and its queue."""
        account = self.accounts[companion.number]
        account.companions.pop(companion.device, None)
        self.delivery.forget(companion)
        self.mark_changed(account)

    def refuses_connection(self, proxy_user: str | None) -> bool:
        """Whether a CONNECT is refused: for all accounts, or for the account in the proxy user name."""
        account = self.accounts.get(proxy_user or "")
        return self.faults.refuse_connections or bool(account and account.faults.refuse_connections)

    def media_fault(self, number: str) -> int | None:
        account = self.accounts.get(number)
        return self.faults.media_fail_with or (account.faults.media_fail_with if account else None)
