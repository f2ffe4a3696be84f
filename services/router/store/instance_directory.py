"""The organization's own accounts and settings, read from what the api and the session service keep: who the owners
are, what they want, and which instance sends."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.router.rules.send_checks import parse_recipient
from services.router.store.operation_batcher import Together
from shared.contracts.records import OrganizationSettings
from shared.platform.mongo import Collection, Database, Document

OWNERS_KEPT = 5.0
"""Seconds the owners of an organization are remembered, so the longest a change of its settings waits."""
MAX_REMEMBERED = 20_000
"""Organizations, and pairs of organization and instance, that a process remembers."""


@dataclass(frozen=True)
class Account:
    """An instance and the state of its connection."""

    instance_id: str
    status: str

    @property
    def connected(self) -> bool:
        return self.status == "connected"


@dataclass(frozen=True)
class Owner:
    """What the organization is on WhatsApp. aliases: of all its owners; addresses: by instance, where known."""

    aliases: frozenset[str]
    addresses: Mapping[str, str]
    settings: OrganizationSettings = field(default_factory=OrganizationSettings)


class Accounts:
    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._instances, self._connections = database["instances"], database["connections"]
        self._organizations, self._contacts = database["organizations"], database["contacts"]
        self._members, self._clock = database["members"], clock
        self._read = Together(self._read_each)
        self._owners: OrderedDict[str, tuple[float, Owner]] = OrderedDict()
        self._being_read: set[str] = set()
        self._own_instances: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def owner(self, organization_id: str, *, fresh: bool = False) -> Owner:
        """Remembered for OWNERS_KEPT; `fresh`: read anew."""
        known = self._owners.get(organization_id)
        if known and not fresh and self._clock() - known[0] < OWNERS_KEPT:
            return known[1]
        return await self._read(organization_id)

    async def _read_each(self, organization_ids: Sequence[str]) -> list[Owner | Exception]:
        each = list(dict.fromkeys(organization_ids))
        owners = dict(zip(each, await asyncio.gather(*(self._read_one(one) for one in each)), strict=True))
        return [owners[organization_id] for organization_id in organization_ids]

    async def _read_one(self, organization_id: str) -> Owner | Exception:
        """What is wrong with one organization concerns no other."""
        try:
            return await self._owner(organization_id)
        except Exception as error:
            return error

    async def _owner(self, organization_id: str) -> Owner:
        self._being_read.add(organization_id)
        try:
            accounts, settings = await asyncio.gather(self._own(organization_id), self._settings(organization_id))
            addresses = {item["_id"]: str(item["phone_number"]) for item in accounts if item.get("phone_number")}
            aliases = {f"phone:{phone}" for phone in addresses.values()}
            aliases |= {f"lid:{item['lid']}" for item in accounts if item.get("lid")}
            if settings.owner_numbers:
                aliases |= await self._of_people(organization_id, settings)
            owner = Owner(frozenset(aliases), addresses, settings)
            if organization_id in self._being_read:
                self._remember(organization_id, owner)
            return owner
        finally:
            self._being_read.discard(organization_id)

    def _remember(self, organization_id: str, owner: Owner) -> None:
        self._owners[organization_id] = (self._clock(), owner)
        self._owners.move_to_end(organization_id)
        if len(self._owners) > MAX_REMEMBERED:
            self._owners.popitem(last=False)

    def has_number(self, organization_id: str, instance_id: str, number: str) -> None:
        """A phone with this number linked the instance: an owner that is remembered, or being read, with another number
        is not used for what comes next."""
        self._being_read.discard(organization_id)
        self._forget_other_number(organization_id, instance_id, number)

    def _forget_other_number(self, organization_id: str, instance_id: str, number: str) -> None:
        known = self._owners.get(organization_id)
        if known and known[1].addresses.get(instance_id) != number:
            self._owners.pop(organization_id)

    async def _own(self, organization_id: str) -> list[Document]:
        wanted, shown = {"organization_id": organization_id}, {"phone_number": 1, "lid": 1}

        async def read(collection: Collection) -> list[Document]:
            return await collection.find(wanted, shown).to_list(None)

        instances, connections = await asyncio.gather(read(self._instances), read(self._connections))
        return [*instances, *connections]

    async def _settings(self, organization_id: str) -> OrganizationSettings:
        found = await self._organizations.find_one({"_id": organization_id}, {"settings": 1})
        return OrganizationSettings.model_validate((found or {}).get("settings") or {})

    async def _of_people(self, organization_id: str, settings: OrganizationSettings) -> set[str]:
        """The owner numbers, and the other address of whoever was a contact before the number was an owner's."""
        aliases = {alias for number in settings.owner_numbers for alias in parse_recipient(number).aliases}
        wanted: dict[str, Any] = {"organization_id": organization_id, "aliases": {"$in": sorted(aliases)}}
        contacts = await self._contacts.find(wanted, {"aliases": 1}).to_list(None)
        return aliases.union(*(contact["aliases"] for contact in contacts))

    async def accounts(self, organization_id: str) -> list[Account]:
        """The instances that are not deleted, the oldest first."""
        wanted = {"organization_id": organization_id, "deleted_at": None}
        cursor = self._instances.find(wanted, {"_id": 1}).sort([("created_at", 1), ("_id", 1)])
        ids = [item["_id"] async for item in cursor]
        states = self._connections.find({"_id": {"$in": ids}}, {"status": 1, "phone_number": 1})
        links = {item["_id"]: item async for item in states}
        status = {instance_id: str(link["status"]) for instance_id, link in links.items()}
        for instance_id, link in links.items():
            if link.get("phone_number"):
                self._forget_other_number(organization_id, instance_id, str(link["phone_number"]))
        return [Account(instance_id, status.get(instance_id, "disconnected")) for instance_id in ids]

    async def is_foreign(self, organization_id: str, instance_id: str) -> bool:
        """The instance belongs to another organization. An instance never changes its organization."""
        if (organization_id, instance_id) in self._own_instances:
            return False
        for collection in (self._instances, self._connections):
            if found := await collection.find_one({"_id": instance_id}, {"organization_id": 1}):
                if found["organization_id"] != organization_id:
                    return True
                self._own_instances[organization_id, instance_id] = None
                if len(self._own_instances) > MAX_REMEMBERED:
                    self._own_instances.popitem(last=False)
                return False
        return False

    async def has_user(self, organization_id: str, user_id: str) -> bool:
        """Somebody of the organization who was not removed."""
        wanted = {"_id": user_id, "organization_id": organization_id, "removed_at": None}
        return await self._members.find_one(wanted, {"_id": 1}) is not None
