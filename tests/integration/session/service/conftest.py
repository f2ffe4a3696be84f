"""The whole session service as a process of its own, with real workers, on a simulated WhatsApp."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.session.settings import SessionSettings
from shared.ids import new_id
from shared.mongo import open_mongo
from simulator.app import Simulator
from simulator.people.phone import Phone
from tests.integration.session.service.service import SessionService


@pytest.fixture
async def simulator(tmp_path: Path) -> AsyncIterator[Simulator]:
    simulator = Simulator(tmp_path / "simulator", seed=1)
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.fixture
def phone(simulator: Simulator) -> Phone:
    return simulator.world.add_phone("4915112345678", "Anna")


@pytest.fixture
async def service(nats_url: str, mongo_url: str, simulator: Simulator, tmp_path: Path) -> AsyncIterator[SessionService]:
    settings = SessionSettings(
        environment="local", nats_url=nats_url, mongo_url=mongo_url, mongo_database=f"t{new_id()[:12]}",
        data_dir=tmp_path / "session", node_name=f"node-{new_id()[:8]}", simulator_url=simulator.control_url,
    )  # fmt: skip
    async with open_mongo(settings) as database:
        service = SessionService(settings, database, tmp_path / "session.log")
        await service.start()
        yield service
        await service.close()
        await database.client.drop_database(database.name)
