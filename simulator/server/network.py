"""The network's state in one place: accounts, groups, connections, faults, and who is reachable where."""

import random
import re
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from simulator.names import Names
from simulator.protocol.jid import PHONE_SERVER, Jid
from simulator.protocol.node import Node
from simulator.protocol.noise import NoiseKeys
from simulator.serial import from_plain
from simulator.server.accounts import Account, Companion, Faults, Group
from simulator.server.connection import Connection
from simulator.server.delivery import Delivery
from simulator.store import Store

_BRAZIL = re.compile(r"55(\d\d)(9?)([6-9]\d{7})")


@dataclass(frozen=True)
class Incoming:
    """A stanza of a companion as it reaches one recipient."""

    sender: Companion
    stanza: Node
    enc: Node


class Person(Protocol):
    """Device 0 of an account: decrypts what companions send."""

    account: Account

    def accept(self, received: Any) -> None: ...
    def on_message(self, incoming: Incoming) -> None: ...
    def on_group_message(self, group: Group, incoming: Incoming, key: Node | None) -> None: ...
    def on_receipt(self, sender: Companion, ids: list[str], node: Node) -> None: ...
    def on_typing(self, sender: Companion, state: str) -> None: ...
    def on_link_code(self, connection: Connection, node: Node) -> bytes: ...
    def on_link_code_finish(self, connection: Connection, node: Node) -> None: ...


@dataclass
class Meta:
    """What the simulator itself keeps: Noise keys, starts on this folder, and whether the last run ended in order."""

    noise: NoiseKeys = field(default_factory=NoiseKeys.new)
    runs: int = 0
    ended_in_order: bool = True


class Network:
    """Loads everything from the store at construction; `touch` marks an account as changed."""

    def __init__(self, store: Store, folder: Path, seed: int | None) -> None:
        self.store, self.folder = store, folder
        self.meta = next((from_plain(Meta, body) for _, body in store.load("meta")), Meta())
        self.meta.runs += 1
        # a killed run may have used keys of its sessions that were not written any more
        self.sessions_stale = not self.meta.ended_in_order
        self.meta.ended_in_order = False
        store.changed("meta", "meta", self.meta)
        # the number of the run is part of the seed, otherwise a restart would repeat message ids
        self.names = Names(random.Random(secrets.randbits(64) if seed is None else f"{seed}/{self.meta.runs}"))
        accounts = [from_plain(Account, body) for _, body in store.load("account")]
        self.accounts: dict[str, Account] = {account.number: account for account in accounts}
        self.groups: dict[str, Group] = {group_id: from_plain(Group, body) for group_id, body in store.load("group")}
        self._by_lid = {account.lid_user: account for account in self.accounts.values()}
        self.people: dict[str, Person] = {}
        self.connections: set[Connection] = set()
        self.faults = Faults()
        self.unknown: list[str] = []
        self.delivery = Delivery(store)
        self.delivery.restore(
            companion for account in self.accounts.values() for companion in account.companions.values()
        )

    @staticmethod
    def now() -> int:
        """Epoch seconds."""
        return int(time.time())

    async def close(self) -> None:
        """Write everything, and that the run ended in order."""
        self.meta.ended_in_order = True
        self.store.changed("meta", "meta", self.meta)
        await self.store.close()

    def touch(self, account: Account) -> None:
        self.store.changed("account", account.number, account)

    def add_account(self, number: str, name: str, role: str) -> Account:
        account = Account(number, self.names.lid(self._by_lid), name, role)
        self.accounts[number] = self._by_lid[account.lid_user] = account
        self.touch(account)
        return account

    def renumber(self, account: Account, number: str) -> None:
        """The person moved to another number and keeps the LID."""
        person, old = self.people.pop(account.number), account.number
        del self.accounts[old]
        self.store.changed("account", old, account)
        account.number = number
        self.accounts[number], self.people[number] = account, person
        self.touch(account)

    def add_group(self, subject: str, members: list[str]) -> Group:
        group = Group(self.names.group_id(), subject, list(dict.fromkeys(members)), self.now())
        self.groups[group.id] = group
        self.store.changed("group", group.id, group)
        return group

    def account(self, jid: Jid) -> Account | None:
        """The account behind a phone number or a LID."""
        return self.accounts.get(jid.user) if jid.server in (PHONE_SERVER, "c.us") else self._by_lid.get(jid.user)

    def registered(self, number: str) -> Account | None:
        """Whose number this is, also in the spelling of Brazil's mobile numbers that the account was not made with."""
        found = self.accounts.get(number)
        if found is None and (brazil := _BRAZIL.fullmatch(number)):
            area, nine, line = brazil.groups()
            found = self.accounts.get(f"55{area}{'' if nine else '9'}{line}")
        return found

    def person(self, jid: Jid) -> Person | None:
        account = self.account(jid)
        return self.people.get(account.number) if account else None

    def companion(self, jid: Jid) -> Companion | None:
        account = self.account(jid)
        return account.companions.get(jid.device) if account else None

    def pairing_connection(self, ref: str) -> Connection | None:
        """The connection that shows the QR code with this reference."""
        return next((connection for connection in self.connections if ref in connection.refs), None)

    def unlinked(self, companion: Companion) -> None:
        """Forget a device, whoever removed it."""
        account = self.accounts[companion.number]
        account.companions.pop(companion.device, None)
        self.delivery.forget(companion)
        self.touch(account)

    def refused(self, proxy_user: str | None) -> bool:
        """Whether a CONNECT is refused: for everybody, or for the account that the proxy user name names."""
        account = self.accounts.get(proxy_user or "")
        return self.faults.refuse_connections or bool(account and account.faults.refuse_connections)

    def media_fault(self, number: str) -> int | None:
        account = self.accounts.get(number)
        return self.faults.media_fail_with or (account.faults.media_fail_with if account else None)
