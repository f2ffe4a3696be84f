"""MongoDB privileges of each service: the table from which roles and users are created (docs/decisions/0030).

A collection has one writer; for some, one more service may insert documents. realtime has no access to MongoDB.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypedDict


class Resource(TypedDict):
    """Of a privilege."""

    db: str
    collection: str


class Privilege(TypedDict):
    resource: Resource
    actions: list[str]


_READ = ("find",)
_WRITE = ("find", "insert", "update", "remove", "createCollection", "createIndex", "dropIndex", "listIndexes")
_APPEND = ("find", "insert", "createCollection", "createIndex", "listIndexes")
_INSERT = ("find", "insert")
_DEFINE = ("find", "createCollection", "collMod")


@dataclass(frozen=True)
class MongoAccess:
    """Collections by permitted operations. `appends`: those of `writes` whose documents are never changed, and deleted
    only by their expiry. `defines`: views that this service creates. `inserts`: collections of another service into
    which this one may insert; the first insert of an id wins (docs/decisions/0045)."""

    writes: tuple[str, ...]
    reads: tuple[str, ...] = ()
    defines: tuple[str, ...] = ()
    appends: tuple[str, ...] = ()
    inserts: tuple[str, ...] = ()


@dataclass(frozen=True)
class View:
    """Fields of a collection, for services that must not read the other fields."""

    of: str
    fields: tuple[str, ...]


VIEWS: Mapping[str, View] = MappingProxyType({"members": View("users", ("organization_id", "removed_at"))})
"""`members`: the users of an organization, without e-mail addresses and password hashes."""

ACCESS: Mapping[str, MongoAccess] = MappingProxyType(
    {
        "session": MongoAccess(writes=("connections", "sends", "session_migrations"), reads=("instances",)),
        "router": MongoAccess(
            writes=(
                "contacts",
                "conversations",
                "messages",
                "bookings",
                "receipts",
                "send_claims",
                "search_terms",
                "router_migrations",
            ),
            reads=("instances", "connections", "organizations", "members"),
            inserts=("sends",),
        ),
        "api": MongoAccess(
            writes=(
                "organizations",
                "users",
                "invitations",
                "password_resets",
                "logins",
                "api_keys",
                "instances",
                "audit",
                "rate_counters",
                "answers",
                "idempotency_keys",
                "login_attempts",
                "login_devices",
                "dismissed_merges",
                "api_migrations",
            ),
            reads=("contacts", "conversations", "messages", "bookings", "search_terms", "connections"),
            defines=("members",),
            appends=("audit",),
        ),
    }
)


def role_name(service: str) -> str:
    """The role of the user with the service's name."""
    return f"switchboard-{service}"


def privileges(service: str, database: str) -> list[Privilege]:
    """For `createRole` and `updateRole`: named collections only, so that no service reads the users of MongoDB."""
    granted = ACCESS[service]
    changed = tuple(name for name in granted.writes if name not in granted.appends)
    kinds = (
        (changed, _WRITE),
        (granted.appends, _APPEND),
        (granted.reads, _READ),
        (granted.defines, _DEFINE),
        (granted.inserts, _INSERT),
    )
    return [
        {"resource": {"db": database, "collection": name}, "actions": list(actions)}
        for names, actions in kinds
        for name in names
    ]


def password_variable(user: str) -> str:
    """The environment variable of the setup step with this user's password."""
    return f"MONGO_{user.upper()}_PASSWORD"
