"""One Switchboard for all end-to-end tests, started as `./switchboard up` starts it."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.stack import Options, Stack
from simulator.client import SimulatorClient


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """On free ports, in a folder of this run."""
    async with Stack(Options(data=tmp_path_factory.mktemp("switchboard"), port=0)) as running:
        yield running


@pytest.fixture
async def simulator(stack: Stack) -> AsyncIterator[SimulatorClient]:
    """The control interface of the stack's simulator."""
    async with SimulatorClient(stack.ready["simulator"]) as client:
        yield client
