"""The lease of a node: a node that cannot renew it closes its connections before other nodes may take ownership."""

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
from shared.messaging.client import JetStreamContext
from shared.platform.outages import OUTAGE_ERRORS

log = logging.getLogger(__name__)
_VALUE_OF_EARLIER_VERSION = b"held"
"""Value of a lease before it named its holder."""
RENEWALS_PER_TTL = 8
"""Each renewal may take as long as the pause before it."""
RELEASE_FRACTION = 0.5
"""Part of the time to live after which a node that could not renew gives the lease up."""


@dataclass(frozen=True)
class LeaseHolder:
    """The id of the node's data folder, its database, and the start of the node (seconds since 1970)."""

    folder: str = ""
    database: str = ""
    since: float = 0.0

    def to_json(self) -> bytes:
        return json.dumps({"folder": self.folder, "database": self.database, "since": self.since}).encode()

    def conflicts_with(self, other: "LeaseHolder | None") -> bool:
        """A node of the same installation with another data folder. None: unknown, so it may be one."""
        return other is None or (other.database == self.database and other.folder != self.folder)


def _parse_holder(value: bytes | None) -> LeaseHolder | None:
    try:
        fields = json.loads(value or b"")
        return LeaseHolder(str(fields["folder"]), str(fields["database"]), float(fields["since"]))
    except (ValueError, TypeError, KeyError):
        return None


class SecondNode(RuntimeError):
    """Another session node runs, with another data folder."""

    def __init__(self, name: str, ttl_s: float) -> None:
        super().__init__(
            f"the session node {name!r} runs with another data folder; the device keys of accounts cannot move between"
            " data folders yet, so only one session node may run. Do not start this one, or stop that one and start"
            f" again; one that ended without a word counts as running for {ttl_s:.0f} s"
        )


class NodeLease:
    """Renewed in the background. `on_lost` and `on_regained` must not wait for anything, or the lease would run out
    meanwhile. `on_regained` is called for the first renewal too."""

    def __init__(
        self,
        js: JetStreamContext,
        node: str,
        ttl_s: float,
        holder: LeaseHolder | None = None,
        *,
        on_lost: Callable[[], None] = lambda: None,
        on_regained: Callable[[], None] = lambda: None,
    ) -> None:
        self._js = js
        self._node = node
        self._ttl_s = ttl_s
        self._holder = holder or LeaseHolder()
        self._on_lost = on_lost
        self._on_regained = on_regained
        self._renewed_at = 0.0
        self._bucket: KeyValue | None = None
        self.is_held = False

    async def acquire(self) -> None:
        """Raises SecondNode, or a NATS error when the bucket cannot be reached."""
        self._bucket = await self._open_bucket()
        await self._wait_until_alone()
        await self._renew()
        for name, (_, other) in (await self._conflicting()).items():  # one that started at the same time
            if other is None or (other.since, name) < (self._holder.since, self._node):
                self.is_held = False
                await self._delete(self._bucket)
                raise SecondNode(name, self._ttl_s)

    async def live_nodes(self) -> set[str]:
        """The nodes whose lease has not run out, this one included."""
        return {self._node, *await self._leases()}

    async def renew_forever(self) -> None:
        """Until cancelled; then the lease is deleted. After an error it is given up and runs out by itself."""
        try:
            while True:
                await asyncio.sleep(self._ttl_s / RENEWALS_PER_TTL)
                await self._try_to_renew()
        except Exception:
            self.give_up()
            raise
        finally:
            if self._bucket and self.is_held:
                await self._delete(self._bucket)

    def give_up(self) -> None:
        """This node may hold no connection any more."""
        log.error("the lease is lost: every connection of this node closes")
        self.is_held = False
        self._on_lost()

    async def check(self) -> None:
        """Raises ConnectionError when the lease is not held: then this node is not ready."""
        if not self.is_held:
            raise ConnectionError("the lease of this node could not be renewed")

    async def _wait_until_alone(self) -> None:
        """The lease of a node that died runs out; that of a living node is renewed meanwhile."""
        revisions: dict[str, int] = {}
        while others := await self._conflicting():
            if not revisions:
                log.warning("waiting until the leases of other session nodes run out: %s", ", ".join(sorted(others)))
            for name, (revision, _) in others.items():
                if revisions.setdefault(name, revision) != revision:
                    raise SecondNode(name, self._ttl_s)
            await asyncio.sleep(self._ttl_s / RENEWALS_PER_TTL / 4)

    async def _conflicting(self) -> dict[str, tuple[int, LeaseHolder | None]]:
        """Leases of nodes with another data folder: revision and holder, by name."""
        conflicting: dict[str, tuple[int, LeaseHolder | None]] = {}
        for name, entry in (await self._leases()).items():
            holder = _parse_holder(entry.value)
            is_ours = name == self._node and entry.value == _VALUE_OF_EARLIER_VERSION
            if not is_ours and self._holder.conflicts_with(holder):
                conflicting[name] = (entry.revision or 0, holder)
        return conflicting

    async def _leases(self) -> dict[str, KeyValue.Entry]:
        """By name of the node. Not by the bucket's `keys()`: that one sometimes misses a key that was delivered before
        it asks how many there are, and a living node must not be taken for a dead one."""
        assert self._bucket
        info = await self._js.stream_info(f"KV_{LEASES_BUCKET}", subjects_filter=">")
        names = [subject.removeprefix(f"$KV.{LEASES_BUCKET}.") for subject in info.state.subjects or {}]
        leases: dict[str, KeyValue.Entry] = {}
        for name in names:
            with suppress(KeyNotFoundError):  # deleted, or run out meanwhile
                leases[name] = await self._bucket.get(name)
        return leases

    async def _open_bucket(self) -> KeyValue:
        """Created when missing; one with another time to live is changed to ours."""
        try:
            bucket = await self._js.key_value(LEASES_BUCKET)
        except BucketNotFoundError:
            return await self._js.create_key_value(KeyValueConfig(bucket=LEASES_BUCKET, ttl=self._ttl_s, history=1))
        config = (await self._js.stream_info(f"KV_{LEASES_BUCKET}")).config
        if config.max_age != self._ttl_s:
            await self._js.update_stream(config, max_age=self._ttl_s, duplicate_window=min(self._ttl_s, 120.0))
        return bucket

    async def _try_to_renew(self) -> None:
        self._give_up_when_late()  # this process may have been suspended
        try:
            async with asyncio.timeout(self._ttl_s / RENEWALS_PER_TTL):
                await self._renew()
        except OUTAGE_ERRORS as error:
            log.warning("the lease could not be renewed for %.0f s: %s", self._age_s(), error)
            self._give_up_when_late()

    def _age_s(self) -> float:
        """Since the start of the last renewal that succeeded."""
        return time.monotonic() - self._renewed_at

    def _give_up_when_late(self) -> None:
        if self.is_held and self._age_s() > self._ttl_s * RELEASE_FRACTION:
            self.give_up()

    async def _renew(self) -> None:
        assert self._bucket
        started_at = time.monotonic()
        await self._bucket.put(self._node, self._holder.to_json())
        self._renewed_at = started_at
        was_held, self.is_held = self.is_held, True
        if not was_held:
            self._on_regained()

    async def _delete(self, bucket: KeyValue) -> None:
        try:
            await bucket.delete(self._node)
        except OUTAGE_ERRORS as error:
            log.info("the lease was not deleted and runs out by itself: %s", error)
