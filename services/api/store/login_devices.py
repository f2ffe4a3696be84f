"""Devices a user logged in from: an attacker who guesses passwords cannot make these wait."""

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar

from shared.contracts.message import utc_now
from shared.platform.mongo import Collection, IndexModel
from shared.web.client_addresses import network_of

MAX_DEVICES_PER_USER, MAX_DEVICES_PER_ADDRESS = 50, 5
"""Of one user. A program without cookies makes a new device with every login: it replaces those of its own address."""
_PREFIX = "sbd_"
_TOKEN = re.compile(r"sbd_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class LoginOrigin:
    """Where a request comes from. `device`: what it shows as its device token, if anything."""

    address: str
    device_token: str | None = None

    @property
    def network(self) -> str:
        """What counts as one client."""
        return network_of(self.address)


def cookie_name(user_id: str) -> str:
    """One cookie per user, so that people who share a browser do not make each other's unknown."""
    return f"switchboard_device_{hashlib.sha256(user_id.encode()).hexdigest()[:12]}"


class LoginDevices:
    """Collection `login_devices`: SHA-256 of the token with the user's id, and the address of the last login."""

    INDEXES: ClassVar = {
        "login_devices": [
            IndexModel([("user_id", 1), ("used_at", -1)]),
            IndexModel("expires_at", expireAfterSeconds=0),
        ]
    }

    def __init__(self, collection: Collection, ttl: timedelta) -> None:
        self._devices, self._ttl = collection, ttl

    async def known_clients(self, origins: Mapping[str, LoginOrigin]) -> dict[str, str]:
        """Of the users (by id) those who logged in from there before, each with a name for the device, else for the
        address.

        One query, however many users there are."""
        devices = {user_id: _device_id(user_id, origin.device_token) for user_id, origin in origins.items()}
        addresses = sorted({origin.network for origin in origins.values() if origin.network})
        either: list[dict[str, Any]] = [{"_id": {"$in": list(devices.values())}}, {"address": {"$in": addresses}}]
        theirs = {"user_id": {"$in": list(origins)}, "expires_at": {"$gt": utc_now()}, "$or": either}
        found = await self._devices.find(theirs, {"user_id": 1}).to_list(None)
        shown = {device["_id"] for device in found}
        return {
            user_id: f"device:{devices[user_id]}" if devices[user_id] in shown else f"known:{user_id}:{addresses[0]}"
            for user_id in sorted({device["user_id"] for device in found})
        }

    async def remember(self, user_id: str, origin: LoginOrigin) -> str:
        """After a login: the token this device shows the next time, which is the one it has when that is known."""
        now = utc_now()
        seen = {"address": origin.network, "used_at": now, "expires_at": now + self._ttl}
        device_id = _device_id(user_id, origin.device_token)
        again = await self._devices.update_one({"_id": device_id, "user_id": user_id}, {"$set": seen})
        if again.matched_count and origin.device_token:
            return origin.device_token
        token = _PREFIX + secrets.token_urlsafe(32)
        await self._devices.insert_one(
            {"_id": _device_id(user_id, token), "user_id": user_id, "created_at": now, **seen}
        )
        await self._keep_newest({"user_id": user_id, "address": origin.network}, MAX_DEVICES_PER_ADDRESS)
        await self._keep_newest({"user_id": user_id}, MAX_DEVICES_PER_USER)
        return token

    async def forget_all_of(self, user_id: str, but: LoginOrigin | None = None, session: Any = None) -> None:
        """All devices of the user are unknown from now on, but the one this request came from."""
        kept = _device_id(user_id, but.device_token if but else None)
        await self._devices.delete_many({"user_id": user_id, "_id": {"$ne": kept}}, session=session)

    async def _keep_newest(self, of: dict[str, Any], count: int) -> None:
        surplus = [found["_id"] async for found in self._devices.find(of, {"_id": 1}).sort("used_at", -1).skip(count)]
        if surplus:
            await self._devices.delete_many({"_id": {"$in": surplus}})


def _device_id(user_id: str, token: str | None) -> str:
    """Empty for what is no device token."""
    if not token or not _TOKEN.fullmatch(token):
        return ""
    return hashlib.sha256(f"{user_id}:{token}".encode()).hexdigest()
