"""MongoDB with authentication: what a stranger, an integration and a service that was taken over may not do."""

import ast
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from deploy.local.binaries import find_mongod
from services.api.store.migrations import API_MIGRATION_STEPS as API_STEPS
from services.router.store import STEPS as ROUTER_STEPS
from services.session.store import STEPS as SESSION_STEPS
from shared.platform.migrations import MigrationStep, migrate
from shared.platform.mongo import Database, ensure_views, open_mongo
from shared.platform.mongo_roles import ACCESS, VIEWS, password_variable
from shared.platform.mongo_setup import SETUP_USER
from shared.platform.settings import Settings
from tests.security.mongo_fixtures import ROOT, GuardedMongo, guarded_mongo
from tests.servers import Server, start_replica_set

UNAUTHORIZED, AUTHENTICATION_FAILED = 13, 18
SECRETS = ("users", "logins", "api_keys", "invitations", "audit", "answers", "idempotency_keys")
"""Collections with password hashes, tokens and what else only the api reads."""
ALL = {name for access in ACCESS.values() for name in (*access.writes, *access.reads)}


@pytest.fixture(scope="module")
async def mongo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[GuardedMongo]:
    async with guarded_mongo(tmp_path_factory.mktemp("guarded")) as running:
        async with open_mongo(Settings(mongo_url=running.url("api"))) as database:
            await ensure_views(database)
            for name in ACCESS["api"].writes:
                await database[name].insert_one({"_id": "one", "organization_id": "acme", "password_hash": "secret"})
        yield running


async def refused(operation: Callable[[], Awaitable[Any]]) -> bool:
    try:
        await operation()
    except OperationFailure as error:
        return error.code in (UNAUTHORIZED, AUTHENTICATION_FAILED)
    return False


async def test_a_stranger_reads_and_writes_nothing(mongo: GuardedMongo) -> None:
    async with AsyncMongoClient[dict[str, Any]](f"mongodb://127.0.0.1:{mongo.port}", directConnection=True) as stranger:
        database = stranger["switchboard"]
        for name in ALL:
            assert await refused(lambda name=name: database[name].find_one()), name  # type: ignore[misc]
            assert await refused(lambda name=name: database[name].insert_one({})), name  # type: ignore[misc]
        for command in ({"listDatabases": 1}, {"replSetGetConfig": 1}, {"getLog": "global"}, {"serverStatus": 1}):
            assert await refused(lambda command=command: stranger.admin.command(command)), command  # type: ignore[misc]
        first = {"createUser": "mine", "pwd": "x", "roles": [{"role": "root", "db": "admin"}]}
        assert await refused(lambda: stranger.admin.command(first)), "the localhost exception is still open"


@pytest.mark.parametrize("user", list(ACCESS))
async def test_a_service_writes_its_own_collections_only(mongo: GuardedMongo, user: str) -> None:
    async with AsyncMongoClient[dict[str, Any]](mongo.url(user)) as client:
        database = client["switchboard"]
        for name in set(ACCESS[user].writes) - set(ACCESS[user].appends):
            await database[name].update_one({"_id": "mine"}, {"$set": {"x": 1}}, upsert=True)
            assert (await database[name].delete_one({"_id": "mine"})).deleted_count == 1
        for name in (ALL | set(VIEWS)) - set(ACCESS[user].writes):
            foreign = database[name]
            inserts = name in ACCESS[user].inserts
            assert await refused(lambda foreign=foreign: foreign.insert_one({"_id": "x"})) is not inserts, name  # type: ignore[misc]
            assert await refused(lambda foreign=foreign: foreign.update_many({}, {"$set": {"x": 1}})), name  # type: ignore[misc]
            assert await refused(lambda foreign=foreign: foreign.delete_many({})), name  # type: ignore[misc]
            assert await refused(lambda foreign=foreign: foreign.drop()), name  # type: ignore[misc]
            assert await refused(lambda foreign=foreign: foreign.create_index("x")), name  # type: ignore[misc]


@pytest.mark.parametrize("user", list(ACCESS))
async def test_a_service_reads_what_it_needs_only(mongo: GuardedMongo, user: str) -> None:
    allowed = {*ACCESS[user].writes, *ACCESS[user].reads, *ACCESS[user].defines, *ACCESS[user].inserts}
    async with AsyncMongoClient[dict[str, Any]](mongo.url(user)) as client:
        for name in (*ALL, *VIEWS, "system.users", "system.views"):
            found = await refused(lambda name=name: client["switchboard"][name].find_one())  # type: ignore[misc]
            assert found is (name not in allowed), name
    if user != "api":
        assert not allowed & set(SECRETS)


async def test_a_service_starts_although_its_user_may_not_remember_migrations(
    mongo: GuardedMongo, caplog: pytest.LogCaptureFixture
) -> None:
    """Its rights are those of an earlier version: the setup step was not run again."""

    async def nothing(database: Database) -> None:
        raise AssertionError("without a lock nothing runs")

    async with open_mongo(Settings(mongo_url=mongo.url("session"))) as database:
        assert await migrate(database["router_migrations"], [MigrationStep("one", nothing)]) == ["one"]
    assert "cannot migrate with router_migrations" in caplog.text


@pytest.mark.parametrize("user", list(ACCESS))
async def test_a_service_may_do_its_migration_steps(mongo: GuardedMongo, user: str) -> None:
    steps = {"api": API_STEPS, "router": ROUTER_STEPS, "session": SESSION_STEPS}
    async with open_mongo(Settings(mongo_url=mongo.url(user))) as database:
        assert await migrate(database[f"{user}_migrations"], steps[user]) == []


async def test_the_audit_log_is_written_and_never_changed(mongo: GuardedMongo) -> None:
    """An api that was taken over leaves traces it cannot remove."""
    async with AsyncMongoClient[dict[str, Any]](mongo.url("api")) as client:
        audit = client["switchboard"]["audit"]
        await audit.insert_one({"_id": "deed"})
        await audit.create_index("at")
        assert await refused(lambda: audit.update_one({"_id": "deed"}, {"$set": {"actor": "another"}}))
        assert await refused(lambda: audit.delete_many({}))
        assert await refused(audit.drop)
        assert await audit.find_one({"_id": "deed"}) == {"_id": "deed"}


async def test_the_router_sees_who_is_a_member_and_no_password_hash(mongo: GuardedMongo) -> None:
    async with AsyncMongoClient[dict[str, Any]](mongo.url("router")) as client:
        assert await client["switchboard"]["members"].find_one() == {"_id": "one", "organization_id": "acme"}
        join = [{"$lookup": {"from": "users", "pipeline": [], "as": "all"}}]
        stolen = client["switchboard"]["members"]
        assert await refused(lambda: stolen.aggregate(join))
        copied = [{"$unionWith": "users"}, {"$out": "contacts"}]
        assert await refused(lambda: client["switchboard"]["contacts"].aggregate(copied))
        view = {"create": "mine", "viewOn": "users", "pipeline": []}
        assert await refused(lambda: client["switchboard"].command(view))


@pytest.mark.parametrize("user", list(ACCESS))
async def test_only_the_setup_user_makes_users(mongo: GuardedMongo, user: str) -> None:
    root = [{"role": "root", "db": "admin"}]
    async with AsyncMongoClient[dict[str, Any]](mongo.url(user)) as client:
        for name in ("switchboard", "admin"):
            for command in (
                {"createUser": "mine", "pwd": "x", "roles": root},
                {"updateUser": user, "roles": root},
                {"updateUser": "api", "pwd": "x"},
                {"grantRolesToUser": user, "roles": root},
                {"createRole": "mine", "privileges": [], "roles": root},
                {"updateRole": f"switchboard-{user}", "roles": root},
                {"usersInfo": 1},
                {"dropAllUsersFromDatabase": 1},
                {"dropDatabase": 1},
            ):
                assert await refused(lambda db=name, c=command: client[db].command(c)), command  # type: ignore[misc]
        for command in ({"shutdown": 1}, {"replSetGetConfig": 1}, {"currentOp": 1, "$all": True}, {"listDatabases": 1}):
            if "listDatabases" not in command:
                assert await refused(lambda c=command: client.admin.command(c)), command  # type: ignore[misc]
        assert await refused(lambda: client["local"]["oplog.rs"].find_one())


async def test_the_setup_user_reads_no_data_and_gives_itself_no_more(mongo: GuardedMongo) -> None:
    async with AsyncMongoClient[dict[str, Any]](mongo.url(SETUP_USER)) as client:
        assert await refused(lambda: client["switchboard"]["users"].find_one())
        root = {"grantRolesToUser": SETUP_USER, "roles": [{"role": "root", "db": "admin"}]}
        assert await refused(lambda: client["admin"].command(root))


def test_no_secret_stands_on_a_command_line_and_the_key_is_private(mongo: GuardedMongo) -> None:
    processes = [path for path in Path("/proc").glob("[0-9]*") if str(mongo.port) in _text_of(path / "cmdline")]
    (mongod,) = [path for path in processes if "--keyFile" in _text_of(path / "cmdline")]
    for secret in (mongo.key, *mongo.passwords.values()):
        assert secret not in _text_of(mongod / "cmdline")
        assert secret not in _text_of(mongod / "environ")
    assert mongo.key_file.stat().st_mode & 0o777 == 0o600


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""


async def test_setting_up_again_changes_passwords_and_takes_rights_back(mongo: GuardedMongo) -> None:
    async with AsyncMongoClient[dict[str, Any]](mongo.url(SETUP_USER)) as setup:
        more = [{"resource": {"db": "switchboard", "collection": "users"}, "actions": ["find"]}]
        await setup["switchboard"].command({"grantPrivilegesToRole": "switchboard-session", "privileges": more})
    fresh = secrets.token_hex(32)
    status, output = await mongo.set_up(**{password_variable("session"): fresh})
    assert status == 0, output
    assert fresh not in output
    before, after = mongo.url("session"), mongo.url("session").replace(mongo.passwords["session"], fresh)
    async with AsyncMongoClient[dict[str, Any]](before) as old, AsyncMongoClient[dict[str, Any]](after) as new:
        assert await refused(lambda: old["switchboard"]["sends"].find_one())
        await new["switchboard"]["sends"].find_one()
        assert await refused(lambda: new["switchboard"]["users"].find_one())
    assert (await mongo.set_up())[0] == 0


@pytest.mark.parametrize(
    ("changed", "remedy"),
    [
        ({password_variable("api"): ""}, "MONGO_API_PASSWORD has fewer than 16"),
        ({password_variable("router"): "changeme" * 8}, "MONGO_ROUTER_PASSWORD consists of well-known words"),
        (
            {password_variable(SETUP_USER): secrets.token_hex(32)},
            "MONGO_SETUP_PASSWORD must be the one it was set up with",
        ),
    ],
)
async def test_a_setup_that_cannot_work_says_what_to_do(
    mongo: GuardedMongo, changed: dict[str, str], remedy: str
) -> None:
    status, output = await mongo.set_up(**changed)
    assert status == 1
    assert remedy in output
    assert "Traceback" not in output


async def test_a_database_without_users_is_closed_by_an_upgrade(tmp_path: Path) -> None:
    """What is stored stays; the data was made by a mongod without authentication."""
    mongo = GuardedMongo(tmp_path)
    guarded = mongo.server()
    open_server = Server([str(find_mongod(os.environ)), *mongo.options], mongo.port, tmp_path / "open.log")
    await open_server.start()
    await start_replica_set(f"127.0.0.1:{mongo.port}")
    async with AsyncMongoClient[dict[str, Any]](f"mongodb://127.0.0.1:{mongo.port}/?replicaSet=rs0") as client:
        await client["switchboard"]["users"].insert_one({"_id": "owner"})
        await client.admin.command({"fsync": 1})
    await open_server.kill()
    await guarded.start()
    try:
        status, output = await mongo.set_up()
        assert status == 0, output
        async with AsyncMongoClient[dict[str, Any]](mongo.url("api")) as client:
            assert await client["switchboard"]["users"].find_one() == {"_id": "owner"}
        async with AsyncMongoClient[dict[str, Any]](f"mongodb://127.0.0.1:{mongo.port}/?replicaSet=rs0") as stranger:
            assert await refused(lambda: stranger["switchboard"]["users"].find_one())
    finally:
        await guarded.kill()


@pytest.mark.parametrize("service", ["session", "router", "api", "realtime"])
def test_the_table_names_every_collection_the_code_names(service: str) -> None:
    """`database["name"]`, `database.name`, `collection_of(database, "name", …)`, and the names of indexes."""
    named = {name for path in (ROOT / "services" / service).rglob("*.py") for name in _collections(path)}
    access = ACCESS.get(service)
    known = {*access.writes, *access.reads, *access.inserts} if access else set()
    assert named == known


def test_a_collection_has_one_writer() -> None:
    written = [name for access in ACCESS.values() for name in access.writes]
    assert len(written) == len(set(written))


def _collections(path: Path) -> set[str]:
    found = set[str]()
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Subscript(value=value, slice=ast.Constant(value=str(name))) if _is_database(value):
                found.add(name)
            case ast.Attribute(value=value, attr=name) if _is_database(value) and name not in ("client", "command"):
                found.add(name)
            case ast.Call(func=ast.Name(id="collection_of"), args=[_, ast.Constant(value=str(name)), *_]):
                found.add(name)
            case ast.Dict(keys=keys) if "$lookup" in {getattr(key, "value", None) for key in keys}:
                found |= {text for text in map(_text, ast.walk(node)) if text == "messages"}
    return found


def _is_database(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name.removeprefix("_") == "database"


def _text(node: ast.AST) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ""
