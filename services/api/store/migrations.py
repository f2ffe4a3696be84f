"""Migration steps of the api: the views, and the indexes of the collections that it writes."""

from services.api.store.api_keys import ApiKeys
from services.api.store.audit_log import AuditLog
from services.api.store.idempotent_responses import IdempotentResponses
from services.api.store.instances import Instances
from services.api.store.invitations import Invitations, keep_invitations_after_their_expiry
from services.api.store.login_attempts import LoginAttempts
from services.api.store.login_devices import LoginDevices
from services.api.store.logins import Logins
from services.api.store.members import Members
from services.api.store.password_resets import PasswordResets
from services.api.store.pending_revocations import PendingRevocations
from services.api.store.rate_counters import RateCounters
from services.api.store.send_idempotency_keys import SendIdempotencyKeys
from services.api.store.users import Users
from shared.platform.migrations import MigrationStep, index_step, migrate, view_step
from shared.platform.mongo import Database, IndexModel

_STORES = (
    Users,
    Members,
    Invitations,
    PasswordResets,
    Logins,
    LoginAttempts,
    LoginDevices,
    ApiKeys,
    Instances,
    SendIdempotencyKeys,
    IdempotentResponses,
    AuditLog,
    RateCounters,
    PendingRevocations,
)


def _indexes() -> dict[str, list[IndexModel]]:
    """By collection; several stores may define indexes of one collection."""
    indexes: dict[str, list[IndexModel]] = {}
    for store in _STORES:
        for name, models in store.INDEXES.items():
            indexes.setdefault(name, []).extend(models)
    return indexes


API_MIGRATION_STEPS = (
    view_step(),
    index_step(_indexes(), Users.RETIRED | Logins.RETIRED | Invitations.RETIRED),
    MigrationStep("kept invitations", keep_invitations_after_their_expiry),
)


async def migrate_api(database: Database) -> None:
    """Waits until MongoDB is reachable."""
    await migrate(database["api_migrations"], API_MIGRATION_STEPS)
