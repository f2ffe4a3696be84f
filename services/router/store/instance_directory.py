"""The organization's own accounts and settings, read from what the api and the session service keep: who the owners
are, what they want, and which instance sends."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from services.router.rules.classification import OrganizationProfile
from services.router.rules.send_checks import SenderInstance, parse_recipient
from services.router.store.contact_documents import contacts_of
from shared.contracts.addresses import lid_alias, phone_alias
from shared.contracts.records import ConnectionStatus, InstanceSettings, OrganizationSettings
from shared.platform.mongo import Collection, Database
from shared.platform.operation_batcher import OperationBatcher

PROFILE_CACHE_S = 5.0
"""Seconds the owners of an organization are remembered, so the longest a change of its settings waits."""
SENDERS_CACHE_S = 0.9
"""Seconds the instances of an organization and the states of their connections are remembered. The session service
decides in the end whether an instance can send."""
MAX_CACHED_ORGANIZATIONS = 20_000
"""Organizations, and pairs of organization and instance, that a process remembers."""


class _Account(NamedTuple):
    """An instance: as configured, or with the addresses of its linked phone."""

    instance_id: str
    phone_number: str | None
    lid: str | None
    settings: InstanceSettings


class InstanceDirectory:
    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._instances, self._connections = database["instances"], database["connections"]
        self._organizations, self._contacts = database["organizations"], contacts_of(database)
        self._members, self._clock = database["members"], clock
        self._read = OperationBatcher(self._read_each)
        self._profiles: OrderedDict[str, tuple[float, OrganizationProfile]] = OrderedDict()
        self._loading: set[str] = set()
        self._senders: OrderedDict[str, tuple[float, dict[str, SenderInstance]]] = OrderedDict()
        self._connection_changes = 0
        self._own_instances: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def profile(self, organization_id: str, *, fresh: bool = False) -> OrganizationProfile:
        """Remembered for OWNERS_KEPT; `fresh`: read anew."""
        known = self._profiles.get(organization_id)
        if known and not fresh and self._clock() - known[0] < PROFILE_CACHE_S:
            return known[1]
        return await self._read(organization_id)

    async def _read_each(self, organization_ids: Sequence[str]) -> list[OrganizationProfile | Exception]:
        each = list(dict.fromkeys(organization_ids))
        owners = dict(zip(each, await asyncio.gather(*(self._read_one(one) for one in each)), strict=True))
        return [owners[organization_id] for organization_id in organization_ids]

    async def _read_one(self, organization_id: str) -> OrganizationProfile | Exception:
        """What is wrong with one organization concerns no other."""
        try:
            return await self._load_profile(organization_id)
        except Exception as error:
            return error

    async def _load_profile(self, organization_id: str) -> OrganizationProfile:
        self._loading.add(organization_id)
        try:
            accounts, settings = await asyncio.gather(self._accounts(organization_id), self._settings(organization_id))
            addresses = {each.instance_id: each.phone_number for each in accounts if each.phone_number}
            aliases = {phone_alias(phone) for phone in addresses.values()}
            aliases |= {lid_alias(each.lid) for each in accounts if each.lid}
            if settings.owner_numbers:
                aliases |= await self._owner_number_aliases(organization_id, settings)
            own = {
                each.instance_id: settings.model_copy(update=own) for each in accounts if (own := each.settings.own())
            }
            owner = OrganizationProfile(frozenset(aliases), addresses, settings, own)
            if organization_id in self._loading:
                self._remember(organization_id, owner)
            return owner
        finally:
            self._loading.discard(organization_id)

    def _remember(self, organization_id: str, owner: OrganizationProfile) -> None:
        self._profiles[organization_id] = (self._clock(), owner)
        self._profiles.move_to_end(organization_id)
        if len(self._profiles) > MAX_CACHED_ORGANIZATIONS:
            self._profiles.popitem(last=False)

    def on_number_linked(self, organization_id: str, instance_id: str, number: str) -> None:
        """A phone with this number linked the instance: an owner that is remembered, or being read, with another number
        is not used for what comes next."""
        self._loading.discard(organization_id)
        self._invalidate_other_number(organization_id, instance_id, number)

    def _invalidate_other_number(self, organization_id: str, instance_id: str, number: str) -> None:
        known = self._profiles.get(organization_id)
        if known and known[1].addresses.get(instance_id) != number:
            self._profiles.pop(organization_id)

    def on_settings_changed(self, organization_id: str) -> None:
        """What is remembered, or being read, is not used for what comes next."""
        self._loading.discard(organization_id)
        self._profiles.pop(organization_id, None)

    async def _accounts(self, organization_id: str) -> list[_Account]:
        """As configured, then those of the linked phones."""
        query, shown = {"organization_id": organization_id}, {"phone_number": 1, "lid": 1, "settings": 1}

        async def read(collection: Collection) -> list[_Account]:
            found = await collection.find(query, shown).to_list(None)
            return [
                _Account(
                    each["_id"],
                    each.get("phone_number"),
                    each.get("lid"),
                    InstanceSettings.model_validate(each.get("settings") or {}),
                )
                for each in found
            ]

        instances, connections = await asyncio.gather(read(self._instances), read(self._connections))
        return [*instances, *connections]

    async def _settings(self, organization_id: str) -> OrganizationSettings:
        found = await self._organizations.find_one({"_id": organization_id}, {"settings": 1})
        return OrganizationSettings.model_validate((found or {}).get("settings") or {})

    async def _owner_number_aliases(self, organization_id: str, settings: OrganizationSettings) -> set[str]:
        """The owner numbers, and the other address of whoever was a contact before the number was an owner's."""
        aliases = {alias for number in settings.owner_numbers for alias in parse_recipient(number).aliases}
        query = {"organization_id": organization_id, "aliases": {"$in": sorted(aliases)}}
        contacts = await self._contacts.find(query, {"aliases": 1}).to_list(None)
        return aliases.union(*(contact["aliases"] for contact in contacts))

    async def active(self, organization_id: str) -> list[SenderInstance]:
        """The instances that are not deleted, the oldest first."""
        return list((await self._active_by_id(organization_id, fresh=True)).values())

    async def connected_sender(self, organization_id: str, instance_id: str) -> SenderInstance | None:
        """The instance when it is connected. Remembered for SENDERS_CACHE_S, or until a connection of the organization
        changes."""
        sender = (await self._active_by_id(organization_id)).get(instance_id)
        return sender if sender and sender.connected else None

    async def _active_by_id(self, organization_id: str, *, fresh: bool = False) -> dict[str, SenderInstance]:
        known = self._senders.get(organization_id)
        if known and not fresh and self._clock() - known[0] < SENDERS_CACHE_S:
            return known[1]
        read_at, changes = self._clock(), self._connection_changes
        senders = await self._load_senders(organization_id)
        if changes == self._connection_changes:
            self._senders[organization_id] = (read_at, senders)
            self._senders.move_to_end(organization_id)
            if len(self._senders) > MAX_CACHED_ORGANIZATIONS:
                self._senders.popitem(last=False)
        return senders

    def on_connection_changed(self, organization_id: str) -> None:
        self._connection_changes += 1
        self._senders.pop(organization_id, None)

    async def _load_senders(self, organization_id: str) -> dict[str, SenderInstance]:
        query = {"organization_id": organization_id, "deleted_at": None}
        cursor = self._instances.find(query, {"_id": 1}).sort([("created_at", 1), ("_id", 1)])
        ids = [item["_id"] async for item in cursor]
        connections = self._connections.find({"_id": {"$in": ids}}, {"status": 1, "phone_number": 1})
        status: dict[str, str] = {}
        async for connection in connections:
            status[connection["_id"]] = connection["status"]
            if number := connection.get("phone_number"):
                self._invalidate_other_number(organization_id, connection["_id"], number)
        return {
            instance_id: SenderInstance(instance_id, status.get(instance_id, ConnectionStatus.DISCONNECTED.value))
            for instance_id in ids
        }

    async def is_foreign(self, organization_id: str, instance_id: str) -> bool:
        """The instance belongs to another organization. An instance never changes its organization."""
        if (organization_id, instance_id) in self._own_instances:
            return False
        for collection in (self._instances, self._connections):
            if found := await collection.find_one({"_id": instance_id}, {"organization_id": 1}):
                if found["organization_id"] != organization_id:
                    return True
                self._own_instances[organization_id, instance_id] = None
                if len(self._own_instances) > MAX_CACHED_ORGANIZATIONS:
                    self._own_instances.popitem(last=False)
                return False
        return False

    async def has_user(self, organization_id: str, user_id: str) -> bool:
        """Somebody of the organization who was not removed."""
        query = {"_id": user_id, "organization_id": organization_id, "removed_at": None}
        return await self._members.find_one(query, {"_id": 1}) is not None
