"""A simulated WhatsApp in this process, real workers in others."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from services.session.simulated_network import find_simulated_network
from simulator.app import Simulator
from simulator.people.phone import Phone
from simulator.world import World
from tests.integration.session.worker.driver import PATIENCE, WorkerDriver, ZygoteDriver


@pytest.fixture
async def simulator(tmp_path: Path) -> AsyncIterator[Simulator]:
    simulator = Simulator(tmp_path / "simulator", seed=1)
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.fixture
def world(simulator: Simulator) -> World:
    return simulator.world


@pytest.fixture
async def zygote(simulator: Simulator, tmp_path: Path) -> AsyncIterator[ZygoteDriver]:
    network = await find_simulated_network(simulator.control_url)
    zygote = await ZygoteDriver(network, tmp_path).start()
    yield zygote
    await zygote.stop()


@pytest.fixture
async def worker(zygote: ZygoteDriver) -> WorkerDriver:
    return await zygote.fork()


@pytest.fixture
def phone(world: World) -> Phone:
    return world.add_phone("4915112345678", "Anna")


@pytest.fixture
async def linked(worker: WorkerDriver, phone: Phone) -> WorkerDriver:
    """A worker whose one account is linked to the phone and connected."""
    await worker.link(phone)
    return worker


@pytest.fixture
def until() -> Callable[[Callable[[], Any]], Awaitable[None]]:
    """Waits until something becomes true in this process."""

    async def wait(condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await asyncio.sleep(0.02)

    return wait
