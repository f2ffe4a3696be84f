"""The session service's collections: it alone writes them."""

from services.session.store import connections, sends
from shared.platform.migrations import index_step, migrate
from shared.platform.mongo import Database

STEPS = (index_step({"connections": connections.INDEXES, "sends": sends.INDEXES}),)


async def migrate_session(database: Database) -> None:
    """Waits for MongoDB when it is still starting."""
    await migrate(database["session_migrations"], STEPS)
