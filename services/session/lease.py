"""A node's lease in the cluster: whoever cannot renew it closes its connections before others may take them over."""

import asyncio
import logging
import time
from collections.abc import Callable

from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.api import KeyValueConfig
from nats.js.errors import BucketNotFoundError, NoKeysError
from nats.js.kv import KeyValue

from shared.topology import LEASES_BUCKET

log = logging.getLogger(__name__)
RENEWALS = 8
"""Renewals per time to live; each may take as long as the pause before it."""
SAFE = 0.5
"""Part of the time to live after which a node that could not renew lets go."""


class Lease:
    """Renewed in the background. `lost` and `regained` are called when it could not be, and when it is again; they
    must not wait for anything, or the lease would run out meanwhile."""

    def __init__(self, js: JetStreamContext, node: str, ttl: float) -> None:
        self._js, self._node, self._ttl = js, node, ttl
        self._renewed = 0.0
        self.held = False
        self.lost: Callable[[], None] | None = None
        self.regained: Callable[[], None] | None = None
        self._bucket: KeyValue | None = None

    async def take(self) -> None:
        """Raises a NATS error when the bucket cannot be reached."""
        self._bucket = await self._open()
        await self._renew()

    async def live_nodes(self) -> set[str]:
        """The nodes whose lease has not run out, this one included."""
        assert self._bucket
        try:
            return {*await self._bucket.keys(), self._node}
        except NoKeysError:
            return {self._node}

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
        await self._bucket.put(self._node, b"held")
        self._renewed, before = begun, self.held
        self.held = True
        if not before and self.regained:
            self.regained()

    async def _give_back(self, bucket: KeyValue) -> None:
        try:
            await bucket.delete(self._node)
        except (NatsError, TimeoutError, OSError) as error:
            log.info("the lease runs out by itself: %s", error)
