"""One stack of the launcher for all end-to-end tests."""

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest

from deploy.local.stack import Options, Stack
from simulator.client import SimulatorClient
from tests.memory import in_memory


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """All processes of `./switchboard up`, on free ports."""
    folder = tmp_path_factory.mktemp("switchboard")
    with in_memory(folder / "mongo", folder / "nats"):
        async with Stack(Options(data=folder, port=0)) as stack:
            yield stack


@pytest.fixture
async def simulator(stack: Stack) -> AsyncIterator[SimulatorClient]:
    async with SimulatorClient(stack.ready["simulator"]) as client:
        yield client


@pytest.fixture
async def api(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a token of its own organization."""
    async with httpx.AsyncClient(base_url=stack.ready["api"], trust_env=False, timeout=60) as client:
        registration = {
            "email": f"user-{uuid4().hex}@example.org",
            "password": "correct horse battery",
            "name": "User",
            "organization_name": "Praxis",
        }
        response = await client.post("/api/auth/register", json=registration)
        response.raise_for_status()
        client.headers["Authorization"] = f"Bearer {response.json()['token']}"
        yield client
