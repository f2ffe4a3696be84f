"""The session service as a process of its own, with real workers, connected to the simulator."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.session.settings import SessionSettings
from shared.contracts.ids import new_id
from shared.platform.mongo import open_mongo
from simulator.app import Simulator
from simulator.people.phone import SimulatedPhone
from tests.integration.session.service.service import SessionService


@asynccontextmanager
async def running_simulator(folder: Path) -> AsyncIterator[Simulator]:
    simulator = Simulator(folder / "simulator", seed=1)
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.fixture
async def simulator(tmp_path: Path) -> AsyncIterator[Simulator]:
    async with running_simulator(tmp_path) as simulator:
        yield simulator


@pytest.fixture
def phone(simulator: Simulator) -> SimulatedPhone:
    return simulator.world.add_phone("4915112345678", "Anna")


def session_settings(nats_url: str, mongo_url: str, simulator: Simulator, folder: Path) -> SessionSettings:
    return SessionSettings(
        environment="local",
        nats_url=nats_url,
        mongo_url=mongo_url,
        mongo_database=f"t{new_id()[:12]}",
        data_dir=folder / "session",
        node_name=f"node-{new_id()[:8]}",
        simulator_url=simulator.control_url,
    )


@pytest.fixture
def settings(nats_url: str, mongo_url: str, simulator: Simulator, tmp_path: Path) -> SessionSettings:
    return session_settings(nats_url, mongo_url, simulator, tmp_path)


@pytest.fixture
async def second(settings: SessionSettings, tmp_path: Path) -> AsyncIterator[SessionService]:
    """Another node of the same installation; not started."""
    theirs = {"node_name": f"{settings.node_name}-b", "data_dir": tmp_path / "second"}
    async with _not_started(settings.model_copy(update=theirs), tmp_path / "second.log") as service:
        yield service


@pytest.fixture
async def same_folder(settings: SessionSettings, tmp_path: Path) -> AsyncIterator[SessionService]:
    """Another node on the same data folder; not started."""
    theirs = {"node_name": f"{settings.node_name}-b"}
    async with _not_started(settings.model_copy(update=theirs), tmp_path / "same.log") as service:
        yield service


@asynccontextmanager
async def _not_started(settings: SessionSettings, log: Path) -> AsyncIterator[SessionService]:
    async with open_mongo(settings) as database:
        service = SessionService(settings, database, log)
        yield service
        await service.close()


@asynccontextmanager
async def running_service(settings: SessionSettings, log: Path) -> AsyncIterator[SessionService]:
    async with open_mongo(settings) as database:
        service = SessionService(settings, database, log)
        await service.start()
        yield service
        await service.close()
        await database.client.drop_database(database.name)


@pytest.fixture
async def service(settings: SessionSettings, tmp_path: Path) -> AsyncIterator[SessionService]:
    async with running_service(settings, tmp_path / "session.log") as service:
        yield service
