"""A node's lease in the cluster: whoever cannot renew it closes its connections before others may take them over."""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from nats.js.api import KeyValueConfig
from nats.js.errors import BucketNotFoundError, KeyNotFoundError
from nats.js.kv import KeyValue

from shared.contracts.registry import LEASES_BUCKET
from shared.messaging.client import JetStreamContext, NatsError

log = logging.getLogger(__name__)
_OF_EARLIER_VERSION = b"held"
"""What a lease held before it named its holder."""
RENEWALS = 8
"""Renewals per time to live; each may take as long as the pause before it."""
SAFE = 0.5
"""Part of the time to live after which a node that could not renew lets go."""


@dataclass(frozen=True)
class Holder:
    """Who holds a lease: the id of its data folder, its database, and since when (seconds since 1970)."""

    folder: str = ""
    database: str = ""
    since: float = 0.0

    def packed(self) -> bytes:
        return json.dumps({"folder": self.folder, "database": self.database, "since": self.since}).encode()

    def is_other(self, other: "Holder | None") -> bool:
        """A node of the same installation with another data folder. None: unknown, so it may be one."""
        return other is None or (other.database == self.database and other.folder != self.folder)


def _holder(value: bytes | None) -> Holder | None:
    try:
        found = json.loads(value or b"")
        return Holder(str(found["folder"]), str(found["database"]), float(found["since"]))
    except (ValueError, TypeError, KeyError):
        return None


class SecondNode(RuntimeError):
    """Another session node runs, with another data folder."""

    def __init__(self, name: str, ttl: float) -> None:
        super().__init__(
            f"the session node {name!r} runs with another data folder; the device keys of accounts cannot move between"
            " data folders yet, so only one session node may run. Do not start this one, or stop that one and start"
            f" again; one that ended without a word counts as running for {ttl:.0f} s"
        )


class Lease:
    """Renewed in the background. `lost` and `regained` are called when it could not be, and when it is again; they
    must not wait for anything, or the lease would run out meanwhile."""

    def __init__(self, js: JetStreamContext, node: str, ttl: float, holder: Holder | None = None) -> None:
        self._js, self._node, self._ttl = js, node, ttl
        self._holder = holder or Holder()
        self._renewed = 0.0
        self.held = False
        self.lost: Callable[[], None] | None = None
        self.regained: Callable[[], None] | None = None
        self._bucket: KeyValue | None = None

    async def take(self) -> None:
        """Raises a NATS error when the bucket cannot be reached, and SecondNode."""
        self._bucket = await self._open()
        await self._wait_until_alone()
        await self._renew()
        for name, (_, other) in (await self._others()).items():  # which started at the same time
            if other is None or (other.since, name) < (self._holder.since, self._node):
                self.held = False
                await self._give_back(self._bucket)
                raise SecondNode(name, self._ttl)

    async def live_nodes(self) -> set[str]:
        """The nodes whose lease has not run out, this one included."""
        return {self._node, *await self._leases()}

    async def keep(self) -> None:
        """Until cancelled; then the lease is given back. After an error it is let go and runs out by itself."""
        try:
            while True:
                await asyncio.sleep(self._ttl / RENEWALS)
                await self._try_to_renew()
        except Exception:
            self.let_go()
            raise
        finally:
            if self._bucket and self.held:
                await self._give_back(self._bucket)

    def let_go(self) -> None:
        """This node may hold no connection any more."""
        log.error("the lease is lost: every connection of this node closes")
        self.held = False
        if self.lost:
            self.lost()

    async def check(self) -> None:
        """Raises when the lease is not held: then this node is not ready."""
        if not self.held:
            raise ConnectionError("the lease of this node could not be renewed")

    async def _wait_until_alone(self) -> None:
        """The lease of a node that ended without a word runs out; that of a living one is renewed meanwhile."""
        seen: dict[str, int] = {}
        while others := await self._others():
            if not seen:
                log.warning("waiting until the leases of other session nodes run out: %s", ", ".join(sorted(others)))
            for name, (revision, _) in others.items():
                if seen.setdefault(name, revision) != revision:
                    raise SecondNode(name, self._ttl)
            await asyncio.sleep(self._ttl / RENEWALS / 4)

    async def _others(self) -> dict[str, tuple[int, Holder | None]]:
        """Leases of nodes with another data folder: revision and holder, by name."""
        found: dict[str, tuple[int, Holder | None]] = {}
        for name, entry in (await self._leases()).items():
            holder = _holder(entry.value)
            ours = name == self._node and entry.value == _OF_EARLIER_VERSION
            if not ours and self._holder.is_other(holder):
                found[name] = (entry.revision or 0, holder)
        return found

    async def _leases(self) -> dict[str, KeyValue.Entry]:
        """By name of the node. Not by the bucket's `keys()`: that one sometimes misses a key that was delivered before
        it asks how many there are, and a living node must not be taken for one that is gone."""
        assert self._bucket
        info = await self._js.stream_info(f"KV_{LEASES_BUCKET}", subjects_filter=">")
        names = [subject.removeprefix(f"$KV.{LEASES_BUCKET}.") for subject in info.state.subjects or {}]
        found: dict[str, KeyValue.Entry] = {}
        for name in names:
            with suppress(KeyNotFoundError):  # given back, or run out just now
                found[name] = await self._bucket.get(name)
        return found

    async def _open(self) -> KeyValue:
        """The bucket, made when missing; one that was made with another time to live gets ours."""
        try:
            bucket = await self._js.key_value(LEASES_BUCKET)
        except BucketNotFoundError:
            return await self._js.create_key_value(KeyValueConfig(bucket=LEASES_BUCKET, ttl=self._ttl, history=1))
        config = (await self._js.stream_info(f"KV_{LEASES_BUCKET}")).config
        if config.max_age != self._ttl:
            await self._js.update_stream(config, max_age=self._ttl, duplicate_window=min(self._ttl, 120.0))
        return bucket

    async def _try_to_renew(self) -> None:
        self._let_go_when_late()  # this process may have been asleep
        try:
            async with asyncio.timeout(self._ttl / RENEWALS):
                await self._renew()
        except (NatsError, TimeoutError, OSError) as error:
            log.warning("the lease could not be renewed for %.0f s: %s", self._age(), error)
            self._let_go_when_late()

    def _age(self) -> float:
        """Seconds since a renewal that succeeded began."""
        return time.monotonic() - self._renewed

    def _let_go_when_late(self) -> None:
        if self.held and self._age() > self._ttl * SAFE:
            self.let_go()

    async def _renew(self) -> None:
        assert self._bucket
        begun = time.monotonic()
        await self._bucket.put(self._node, self._holder.packed())
        self._renewed, before = begun, self.held
        self.held = True
        if not before and self.regained:
            self.regained()

    async def _give_back(self, bucket: KeyValue) -> None:
        try:
            await bucket.delete(self._node)
        except (NatsError, TimeoutError, OSError) as error:
            log.info("the lease runs out by itself: %s", error)
