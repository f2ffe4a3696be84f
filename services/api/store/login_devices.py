"""Devices from which a user logged in: failed logins of attackers do not delay these."""

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar

from shared.contracts.message import utc_now
from shared.platform.mongo import ClientSession, Collection, IndexModel, MongoQuery
from shared.web.client_addresses import network_of

MAX_DEVICES_PER_USER = 50
MAX_DEVICES_PER_ADDRESS = 5
"""Of one user. A program without cookies creates a new device with every login; it only replaces devices of its own
address."""
_DEVICE_TOKEN_PREFIX = "sbd_"
_DEVICE_TOKEN = re.compile(r"sbd_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class LoginOrigin:
    """Where a request comes from. `device_token`: from its cookie, unverified."""

    address: str
    device_token: str | None = None

    @property
    def network(self) -> str:
        """The network that counts as one client."""
        return network_of(self.address)


def cookie_name(user_id: str) -> str:
    """One cookie per user, so that users of the same browser do not overwrite each other's token."""
    return f"switchboard_device_{hashlib.sha256(user_id.encode()).hexdigest()[:12]}"


class LoginDevices:
    """Collection `login_devices`. `_id`: SHA-256 of user id and token. `address`: the network of the last login."""

    INDEXES: ClassVar = {
        "login_devices": [
            IndexModel([("user_id", 1), ("used_at", -1)]),
            IndexModel("expires_at", expireAfterSeconds=0),
        ]
    }

    def __init__(self, collection: Collection, ttl: timedelta) -> None:
        self._devices = collection
        self._ttl = ttl

    async def known_clients(self, origins: Mapping[str, LoginOrigin]) -> dict[str, str]:
        """`origins`: by user id. Returns, for the users who logged in from there before, the name of the device, else
        of the address, as throttle bucket. One query for all users."""
        ids = {user_id: _device_id(user_id, origin.device_token) for user_id, origin in origins.items()}
        addresses = sorted({origin.network for origin in origins.values() if origin.network})
        conditions: list[MongoQuery] = [{"_id": {"$in": list(ids.values())}}, {"address": {"$in": addresses}}]
        query = {"user_id": {"$in": list(origins)}, "expires_at": {"$gt": utc_now()}, "$or": conditions}
        stored = await self._devices.find(query, {"user_id": 1}).to_list(None)
        stored_ids = {device["_id"] for device in stored}
        return {
            user_id: f"device:{ids[user_id]}" if ids[user_id] in stored_ids else f"known:{user_id}:{addresses[0]}"
            for user_id in sorted({device["user_id"] for device in stored})
        }

    async def remember(self, user_id: str, origin: LoginOrigin) -> str:
        """After a login: returns the token for the cookie, which is the current one if it is known."""
        now = utc_now()
        fields = {"address": origin.network, "used_at": now, "expires_at": now + self._ttl}
        device_id = _device_id(user_id, origin.device_token)
        result = await self._devices.update_one({"_id": device_id, "user_id": user_id}, {"$set": fields})
        if result.matched_count and origin.device_token:
            return origin.device_token
        token = _DEVICE_TOKEN_PREFIX + secrets.token_urlsafe(32)
        await self._devices.insert_one(
            {"_id": _device_id(user_id, token), "user_id": user_id, "created_at": now, **fields}
        )
        await self._keep_newest({"user_id": user_id, "address": origin.network}, MAX_DEVICES_PER_ADDRESS)
        await self._keep_newest({"user_id": user_id}, MAX_DEVICES_PER_USER)
        return token

    async def forget_all_of(
        self, user_id: str, but: LoginOrigin | None = None, session: ClientSession | None = None
    ) -> None:
        """Delete all devices of the user, except the one of this request (`but`)."""
        kept_id = _device_id(user_id, but.device_token if but else None)
        await self._devices.delete_many({"user_id": user_id, "_id": {"$ne": kept_id}}, session=session)

    async def _keep_newest(self, query: MongoQuery, count: int) -> None:
        newest_first = self._devices.find(query, {"_id": 1}).sort("used_at", -1)
        surplus = [device["_id"] async for device in newest_first.skip(count)]
        if surplus:
            await self._devices.delete_many({"_id": {"$in": surplus}})


def _device_id(user_id: str, token: str | None) -> str:
    """Empty when `token` has not the form of a device token."""
    if not token or not _DEVICE_TOKEN.fullmatch(token):
        return ""
    return hashlib.sha256(f"{user_id}:{token}".encode()).hexdigest()
