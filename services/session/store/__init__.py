"""The session service's collections: it alone writes them."""

from services.session.store import connections, sends
from shared.mongo import Database, ensure_indexes


async def ensure_session_indexes(database: Database) -> None:
    """Waits for MongoDB when it is still starting."""
    await ensure_indexes(database, {"connections": connections.INDEXES, "sends": sends.INDEXES})
