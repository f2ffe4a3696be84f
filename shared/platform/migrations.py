"""Migration steps that bring the data in MongoDB to the form this version expects (docs/decisions/0034).

A service runs its steps before it starts. Each step is run once, by one replica, while the others wait. A step that
fails is logged, counted and recorded; the service starts without it, and the next start runs it again.
"""

import asyncio
import hashlib
import json
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from prometheus_client import Gauge

from shared.contracts.ids import new_id
from shared.contracts.message import utc_now
from shared.platform.mongo import (
    TRANSIENT_ERRORS,
    Collection,
    Database,
    DuplicateKeyError,
    IndexModel,
    MongoQuery,
    MongoUpdate,
    PyMongoError,
    drop_indexes,
    ensure_indexes,
    ensure_views,
)
from shared.platform.mongo_roles import VIEWS

LOCK_TTL_S = 30.0
"""A replica that dies while it holds the lock delays the others by at most this long."""
POLL_INTERVAL_S = 0.5
MAX_ERROR_LENGTH = 1_000
"""Characters of a recorded error."""
_LOCK = "_lock"

failed_steps = Gauge("switchboard_failed_migrations", "Migration steps that failed at the last start", ["collection"])
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class MigrationStep:
    """`run` may be interrupted anywhere and is then run again from its beginning. A step with another `version` is run
    again. `after`: names of steps that must have succeeded."""

    name: str
    run: Callable[[Database], Awaitable[None]]
    version: str = "1"
    after: tuple[str, ...] = ()


class LockLost(Exception):
    """This replica renewed the lock too late, and another one holds it now."""


async def migrate(
    marks: Collection, steps: Sequence[MigrationStep], *, name: str | None = None, lock_ttl_s: float = LOCK_TTL_S
) -> list[str]:
    """Do what was not done yet. `marks`: the collection of this service that remembers it. `name`: of steps that others
    of the same service need not wait for: they have a lock of their own. The names of the steps that could not be done;
    waits for MongoDB when it is still starting."""
    migration = _Migration(marks, steps, f"{_LOCK}-{name}" if name else _LOCK, lock_ttl_s)
    while True:
        try:
            failed = await migration.attempt()
        except _RETRIED_ERRORS as error:
            log.warning("waiting for MongoDB to migrate: %s", str(error)[:120])
            failed = None
        except PyMongoError as error:  # such as a user that may not write the marks
            log.error("cannot migrate with %s, the service starts without: %s", marks.name, str(error)[:300])
            failed = [step.name for step in steps]
        if failed is not None:
            failed_steps.labels(f"{marks.name}-{name}" if name else marks.name).set(len(failed))
            return failed
        await asyncio.sleep(min(POLL_INTERVAL_S, lock_ttl_s))


def index_step(
    indexes: Mapping[str, Sequence[IndexModel]],
    retired: Mapping[str, Sequence[str]] | None = None,
    after: tuple[str, ...] = (),
) -> MigrationStep:
    """Makes the indexes and drops those of earlier versions; again when a version defines them differently."""

    async def run(database: Database) -> None:
        await ensure_indexes(database, indexes)
        await drop_indexes(database, retired or {})

    defined = {name: [model.document for model in models] for name, models in indexes.items()}
    return MigrationStep("indexes", run, _digest(defined), after)


def view_step() -> MigrationStep:
    """Makes the views. Only the api may."""
    return MigrationStep("views", ensure_views, _digest({name: [view.of, view.fields] for name, view in VIEWS.items()}))


def _digest(definition: object) -> str:
    return hashlib.sha256(json.dumps(definition, default=str).encode()).hexdigest()[:16]


_RETRIED_ERRORS: tuple[type[Exception], ...] = (*TRANSIENT_ERRORS, LockLost)


class _Migration:
    def __init__(self, marks: Collection, steps: Sequence[MigrationStep], lock: str, lock_ttl_s: float) -> None:
        self._marks, self._steps, self._lock, self._lock_ttl_s = marks, steps, lock, lock_ttl_s
        self._database: Database = marks.database  # type: ignore[assignment]  # motor declares another type
        self._holder = f"{socket.gethostname()}-{os.getpid()}-{new_id()[:8]}"
        self._logged_waiting = False

    async def attempt(self) -> list[str] | None:
        """Run the missing steps. Returns those that failed; None while another replica holds the lock."""
        if not await self._missing():
            return []
        if not await self._acquire_lock():
            if not self._logged_waiting:
                log.info("another replica migrates with %s; waiting for it", self._marks.name)
            self._logged_waiting = True
            return None
        try:
            return await self._run(await self._missing())
        finally:
            with suppress(PyMongoError):
                await self._marks.delete_one({"_id": self._lock, "holder": self._holder})

    async def _missing(self) -> list[MigrationStep]:
        done = {mark["_id"]: mark["version"] async for mark in self._marks.find({"done_at": {"$ne": None}})}
        return [step for step in self._steps if done.get(step.name) != step.version]

    async def _run(self, steps: Sequence[MigrationStep]) -> list[str]:
        failed: list[str] = []
        for step in steps:
            if missing := [name for name in step.after if name in failed]:
                await self._record(step, f"it needs {', '.join(missing)}")
                failed.append(step.name)
                continue
            try:
                await self._run_locked(step)
            except _RETRIED_ERRORS:
                raise
            except Exception as error:
                log.exception("the migration step %s failed; the service starts without it", step.name)
                await self._record(step, str(error) or type(error).__name__)
                failed.append(step.name)
            else:
                await self._record(step, None)
        return failed

    async def _record(self, step: MigrationStep, error: str | None) -> None:
        log.info("migration step %s: %s", step.name, error or "done")
        now = utc_now()
        mark: MongoUpdate = {
            "version": step.version,
            "by": self._holder,
            "at": now,
            "error": error[:MAX_ERROR_LENGTH] if error else None,
            "done_at": None if error else now,
        }
        await self._marks.update_one({"_id": step.name}, {"$set": mark}, upsert=True)

    async def _run_locked(self, step: MigrationStep) -> None:
        """Run the step while the lock is renewed; cancel it when the lock is lost."""
        work = asyncio.ensure_future(step.run(self._database))
        renewal = asyncio.create_task(self._renew())
        try:
            await asyncio.wait({work, renewal}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            finished = work.done()
            for task in (work, renewal):
                task.cancel()
            await asyncio.gather(work, renewal, return_exceptions=True)
        await (work if finished else renewal)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._lock_ttl_s / 3)
            with suppress(*TRANSIENT_ERRORS):
                if not await self._acquire_lock():
                    raise LockLost("another replica took the lock")

    async def _acquire_lock(self) -> bool:
        """Acquire or renew the lock. Times are MongoDB's, so the clocks of the replicas do not matter."""
        free: MongoQuery = {"$lt": [{"$ifNull": ["$expires_at", "$$NOW"]}, {"$add": ["$$NOW", 1]}]}
        mine: MongoQuery = {"$eq": ["$holder", self._holder]}
        expiry: MongoQuery = {"$add": ["$$NOW", int(self._lock_ttl_s * 1000)]}
        take: MongoQuery = {"$cond": [{"$or": [free, mine]}, {"holder": self._holder, "expires_at": expiry}, "$$ROOT"]}
        try:
            lock = await self._marks.find_one_and_update(
                {"_id": self._lock},
                [{"$replaceWith": {"$mergeObjects": ["$$ROOT", take]}}],
                upsert=True,
                return_document=True,
            )
        except DuplicateKeyError:  # another replica acquired it
            return False
        return bool(lock and lock["holder"] == self._holder)
