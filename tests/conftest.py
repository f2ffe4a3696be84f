"""For all tests: real servers (those of a given URL, else containers when asked for, else processes of our own), the
seed of random tests, and the profile of property tests."""

import functools
import gc
import os
import random
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import httpx._transports.default as http_transport
import pytest
from argon2 import PasswordHasher
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from tests.containers import mongo_container, nats_container
from tests.memory import in_memory
from tests.servers import mongod, nats_server, start_replica_set

# an example takes as long as the machine lets it: no test is about that
hypothesis_settings.register_profile("loaded", deadline=None, suppress_health_check=[HealthCheck.too_slow])
hypothesis_settings.load_profile("loaded")

# reading the certificates of all authorities takes 25 ms: once for a process, not for every client
vars(http_transport)["create_ssl_context"] = functools.cache(httpx.create_ssl_context)

SEED_BITS = 32
CONTAINERS = os.environ.get("WA_TEST_SERVERS") == "containers"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seed", type=int, help="repeat the random choices of the test run that printed this number")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Choose the seed before hypothesis and the processes of pytest-xdist take it over."""
    if config.option.seed is None:
        config.option.seed = secrets.randbits(SEED_BITS)
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(config.option.seed)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """The garbage collector does not search what the collected tests and their modules hold until the end anyway."""
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from tests.distribution import KeepFilesTogether

    return KeepFilesTogether(config, log) if config.option.dist == "loadfile" else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    terminalreporter.write_line(f"random tests: repeat this run with --seed {config.option.seed}")


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """Another one for each test and each run. A test that needs several is parametrized with `indirect=True`."""
    return random.Random(f"{request.config.option.seed} {request.node.nodeid}").getrandbits(SEED_BITS)


_CHEAP_HASHER = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
_CHEAP_DUMMY_HASH = _CHEAP_HASHER.hash("nobody has this password")


@pytest.fixture(autouse=True)
def cheap_password_hashes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """An api in this process computes a password hash in 0.1 ms instead of 47 ms, unless the test is about that."""
    passwords = sys.modules.get("services.api.access.passwords")
    if passwords and not request.node.get_closest_marker("real_password_hashes"):
        monkeypatch.setattr(passwords, "_hasher", _CHEAP_HASHER)
        monkeypatch.setattr(passwords, "_DUMMY_HASH", _CHEAP_DUMMY_HASH)


@pytest.fixture(scope="session")
async def nats_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A nats-server with JetStream: WA_TEST_NATS_URL when given, else one for this run."""
    if given := os.environ.get("WA_TEST_NATS_URL"):
        yield given
        return
    async with nats_container() if CONTAINERS else _own_nats(tmp_path_factory.mktemp("nats")) as url:
        yield url


@pytest.fixture(scope="session")
async def mongo_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """A replica set of one: WA_TEST_MONGO_URL when given, else one for this run."""
    if given := os.environ.get("WA_TEST_MONGO_URL"):
        yield given
        return
    async with mongo_container() if CONTAINERS else _own_mongo(tmp_path_factory.mktemp("mongo")) as url:
        yield url


@asynccontextmanager
async def _own_nats(folder: Path) -> AsyncIterator[str]:
    with in_memory(folder / "nats"):
        server = nats_server(folder)
        await server.start()
        yield f"nats://127.0.0.1:{server.port}"
        await server.kill()


@asynccontextmanager
async def _own_mongo(folder: Path) -> AsyncIterator[str]:
    with in_memory(folder / "mongo"):
        server = mongod(folder)
        await server.start()
        await start_replica_set(f"127.0.0.1:{server.port}", journaled=False)
        yield f"mongodb://127.0.0.1:{server.port}/?replicaSet=rs0"
        await server.kill()
