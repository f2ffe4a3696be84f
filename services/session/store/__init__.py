"""The collections that only the session service writes."""

from services.session.store import connections, sends
from shared.platform.migrations import index_step, migrate
from shared.platform.mongo import Database

STEPS = (index_step({"connections": connections.INDEXES, "sends": sends.INDEXES}),)


async def migrate_session(database: Database) -> None:
    """Waits until MongoDB is reachable."""
    await migrate(database["session_migrations"], STEPS)
