"""The organization's own accounts, read from what the api and the session service keep: who the owners are, and which
instance sends."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shared.mongo import Database

OWNERS_KEPT = 5.0
"""Seconds the owners of an organization are remembered."""


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
    """What the organization is on WhatsApp. aliases: of all its accounts; addresses: by instance, where known."""

    aliases: frozenset[str]
    addresses: Mapping[str, str]


class Accounts:
    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._instances, self._connections = database["instances"], database["connections"]
        self._clock = clock
        self._owners: dict[str, tuple[float, Owner]] = {}

    async def owner(self, organization_id: str, *, fresh: bool = False) -> Owner:
        """Remembered for OWNERS_KEPT; `fresh`: read anew."""
        known = self._owners.get(organization_id)
        if known and not fresh and self._clock() - known[0] < OWNERS_KEPT:
            return known[1]
        wanted, shown = {"organization_id": organization_id}, {"phone_number": 1, "lid": 1}
        aliases: set[str] = set()
        addresses: dict[str, str] = {}
        for collection in (self._instances, self._connections):
            async for item in collection.find(wanted, shown):
                if phone := item.get("phone_number"):
                    aliases.add(f"phone:{phone}")
                    addresses[item["_id"]] = phone
                if lid := item.get("lid"):
                    aliases.add(f"lid:{lid}")
        owner = Owner(frozenset(aliases), addresses)
        self._owners[organization_id] = (self._clock(), owner)
        return owner

    async def accounts(self, organization_id: str) -> list[Account]:
        """The instances that are not deleted."""
        cursor = self._instances.find({"organization_id": organization_id, "deleted_at": None}, {"_id": 1})
        ids = [item["_id"] async for item in cursor]
        states = self._connections.find({"_id": {"$in": ids}}, {"status": 1})
        status = {item["_id"]: str(item["status"]) async for item in states}
        return [Account(instance_id, status.get(instance_id, "disconnected")) for instance_id in ids]
