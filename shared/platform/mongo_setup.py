"""`python -m shared.platform.mongo_setup`: the replica set, a role and a user per service; may be repeated at any time.

It runs beside mongod, in its network: while MongoDB has no user at all it accepts, from the same host only, the first
one (the localhost exception), which is `setup`. That user may make users and roles of this database and nothing else.
"""

import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import OperationFailure, PyMongoError

from shared.platform.mongo_roles import ACCESS, Privilege, password_variable, privileges, role_name
from shared.platform.weak_secrets import weakness

Client = MongoClient[dict[str, Any]]

SETUP_USER = "setup"
START_TIMEOUT_S = 120.0
_PAUSE_S = 0.5
_UNAUTHORIZED, _AUTHENTICATION_FAILED, _ALREADY_INITIALIZED = 13, 18, 23
_USER_EXISTS = 51003
_FIRST_ROLE = {"role": "userAdminAnyDatabase", "db": "admin"}

log = logging.getLogger("switchboard.mongo_setup")


class SetupError(RuntimeError):
    """MongoDB could not be set up; the message says why and what to do."""


@dataclass(frozen=True)
class SetupSettings:
    """address: `host:port` of mongod. member: how the replica set calls it. passwords: by user, `setup` included."""

    address: str
    member: str
    database: str
    passwords: Mapping[str, str]

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """Raises SetupError for a password that is missing or easy to guess."""
        passwords = {user: environ.get(password_variable(user), "") for user in (SETUP_USER, *ACCESS)}
        for user, password in passwords.items():
            if why := weakness(password):
                raise SetupError(f"{password_variable(user)} {why}: `deploy/generate-env` makes what is not set")
        return cls(
            environ.get("MONGO_SETUP_ADDRESS", "127.0.0.1:27017"),
            environ.get("MONGO_SETUP_MEMBER", "mongo:27017"),
            environ.get("WA_MONGO_DATABASE") or "switchboard",
            passwords,
        )


def set_up(settings: SetupSettings, timeout_s: float = START_TIMEOUT_S) -> None:
    """Raises SetupError when it is not done within `timeout_s`, or when MongoDB refuses the setup user."""
    deadline = time.monotonic() + timeout_s
    with _client(settings) as stranger:
        _wait(lambda: _is_primary(stranger, settings.member), deadline)
        if not _logs_in(settings):
            _make_setup_user(stranger, settings)
    with _client(settings, SETUP_USER) as setup:
        _narrow(setup, settings)
        for service in ACCESS:
            _set_up_service(setup, settings, service)
            log.info("the user %s and its role are up to date", service)


def _client(settings: SetupSettings, user: str | None = None) -> Client:
    login: dict[str, Any] = {"username": user, "password": settings.passwords[user]} if user else {}
    return MongoClient(
        f"mongodb://{settings.address}",
        directConnection=True,
        serverSelectionTimeoutMS=3_000,
        authSource="admin",
        appname="switchboard-setup",
        **login,
    )


def _wait(ready: Callable[[], bool], deadline: float) -> None:
    reason = "it is no primary"
    while time.monotonic() < deadline:
        try:
            if ready():
                return
        except PyMongoError as error:
            reason = " ".join(str(error).split())[:300]
        time.sleep(_PAUSE_S)
    raise SetupError(f"MongoDB is not ready: {reason}; its log says more (`docker compose logs mongo`)")


def _is_primary(stranger: Client, member: str) -> bool:
    """Makes the replica set of one on the first start."""
    hello = stranger.admin.command("hello")
    if "setName" not in hello:
        config = {"_id": "rs0", "members": [{"_id": 0, "host": member}]}
        try:
            stranger.admin.command({"replSetInitiate": config})
        except OperationFailure as error:
            if error.code != _ALREADY_INITIALIZED:
                raise
    return bool(hello.get("isWritablePrimary"))


def _logs_in(settings: SetupSettings) -> bool:
    try:
        with _client(settings, SETUP_USER) as setup:
            setup.admin.command("ping")
    except OperationFailure as error:
        if error.code != _AUTHENTICATION_FAILED:
            raise
        return False
    return True


def _make_setup_user(stranger: Client, settings: SetupSettings) -> None:
    try:
        stranger.admin.command(
            "createUser",
            SETUP_USER,
            pwd=settings.passwords[SETUP_USER],
            mechanisms=["SCRAM-SHA-256"],
            roles=[_FIRST_ROLE],
        )
    except OperationFailure as error:
        if error.code not in (_UNAUTHORIZED, _USER_EXISTS):
            raise
        raise SetupError(
            "MongoDB has users already and refuses `setup`: MONGO_SETUP_PASSWORD must be the one it was set up with"
            " (README, On a server)"
        ) from error


def _narrow(setup: Client, settings: SetupSettings) -> None:
    """The first user may be given roles of `admin` only; it keeps what this database needs."""
    status = setup.admin.command("connectionStatus")
    if _FIRST_ROLE in status["authInfo"]["authenticatedUserRoles"]:
        setup.admin.command("updateUser", SETUP_USER, roles=[{"role": "userAdmin", "db": settings.database}])


def _set_up_service(setup: Client, settings: SetupSettings, service: str) -> None:
    """What is right already is left alone, and what is new comes first: the service may be running."""
    database, role = setup[settings.database], {"role": role_name(service), "db": settings.database}
    _set_up_role(database, role["role"], privileges(service, settings.database))
    login: dict[str, Any] = {"pwd": settings.passwords[service], "mechanisms": ["SCRAM-SHA-256"]}
    users = database.command("usersInfo", service)["users"]
    if not users:
        database.command("createUser", service, **login, roles=[role])
        return
    database.command("updateUser", service, **login)
    database.command("grantRolesToUser", service, roles=[role])
    if surplus := [known for known in users[0]["roles"] if known != role]:
        database.command("revokeRolesFromUser", service, roles=surplus)


def _set_up_role(database: Database[dict[str, Any]], name: str, wanted: list[Privilege]) -> None:
    roles = database.command("rolesInfo", name, showPrivileges=True)["roles"]
    if not roles:
        database.command("createRole", name, privileges=wanted, roles=[])
        return
    database.command("grantPrivilegesToRole", name, privileges=wanted)
    allowed = {item["resource"]["collection"]: set(item["actions"]) for item in wanted}
    surplus = [
        {"resource": item["resource"], "actions": actions}
        for item in roles[0]["privileges"]
        if (actions := sorted({*item["actions"]} - allowed.get(item["resource"].get("collection"), set())))
    ]
    if surplus:
        database.command("revokePrivilegesFromRole", name, privileges=surplus)


def main() -> int:
    """0 when everything is up to date; otherwise 1 and one sentence on stderr."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    try:
        set_up(SetupSettings.read(os.environ))
    except SetupError as error:
        sys.stderr.write(f"mongo_setup: {error}\n")
        return 1
    except PyMongoError as error:
        sys.stderr.write(f"mongo_setup: MongoDB refused: {' '.join(str(error).split())[:300]}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
