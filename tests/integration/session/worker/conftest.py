"""A simulated WhatsApp in this process, real workers in others."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.session.supervisor.simulated_network import find_simulated_network
from simulator.app import Simulator
from simulator.people.phone import SimulatedPhone
from simulator.server.accounts import Faults
from simulator.world import World
from tests.integration.session.worker.driver import WorkerDriver, ZygoteDriver


@pytest.fixture(scope="module")
async def simulator(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulator]:
    """One for all tests of a file; each test has contacts and phones of its own."""
    simulator = Simulator(tmp_path_factory.mktemp("simulator"), seed=1)
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.fixture
def world(simulator: Simulator) -> World:
    return simulator.world


@asynccontextmanager
async def running_zygote(simulator: Simulator, folder: Path, **options: str) -> AsyncIterator[ZygoteDriver]:
    """Starting takes longer than most tests, because the zygote imports the WhatsApp client."""
    network = await find_simulated_network(simulator.control_url)
    zygote = await ZygoteDriver(network, folder, **options).start()
    yield zygote
    await zygote.stop()


@pytest.fixture(scope="module")
async def module_zygote(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ZygoteDriver]:
    async with running_zygote(simulator, tmp_path_factory.mktemp("zygote")) as zygote:
        yield zygote


@pytest.fixture
async def zygote(module_zygote: ZygoteDriver, world: World, tmp_path: Path) -> ZygoteDriver:
    """Without workers of earlier tests, on a network without their faults."""
    world.network.faults = Faults()
    await module_zygote.end_workers(tmp_path)
    return module_zygote


@pytest.fixture
async def worker(zygote: ZygoteDriver) -> WorkerDriver:
    return await zygote.fork()


@pytest.fixture
def phone(world: World) -> SimulatedPhone:
    return world.add_phone(name="Anna")


@pytest.fixture
async def linked(worker: WorkerDriver, phone: SimulatedPhone) -> WorkerDriver:
    """A worker whose one account is linked to the phone and connected."""
    await worker.link(phone)
    return worker
