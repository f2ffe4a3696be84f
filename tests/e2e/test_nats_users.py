"""The main job with every service logged in to NATS as its production user."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from deploy.local.process_specs import PROCESSES
from deploy.local.stack import Options, Stack
from docs.generate.nats_users import shipped_permissions
from shared.messaging.permissions import INTEGRATION
from simulator.client import SimulatorClient
from tests.e2e.front_end import front_end
from tests.e2e.test_journey import CUSTOMER, OWNER, answer, link, receive, restart
from tests.integration.deploy.nats_users import guarded_server, url
from tests.memory import in_memory
from tests.servers import Server

PAGE = Path(__file__).parents[2] / "docs" / "other-services.md"
pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
async def guarded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Stack, Server]]:
    """All processes of `./switchboard up`, each service with its own NATS user."""
    async with guarded_server(tmp_path_factory.mktemp("guarded")) as server:
        processes = tuple(
            replace(process, env={**process.env, "NATS_URL": url(server.port, process.name)})
            if process.name in shipped_permissions()
            else process
            for process in PROCESSES
        )
        folder = tmp_path_factory.mktemp("switchboard")
        given = f"nats://127.0.0.1:{server.port}"
        with in_memory(folder / "mongo"):
            async with Stack(Options(data=folder, port=0, nats_url=given, processes=processes)) as stack:
                yield stack, server


async def said(command: list[str], **variables: str) -> str:
    """The output of a program, which must succeed."""
    process = await asyncio.create_subprocess_exec(
        *command, env=os.environ | variables, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


async def another_service(stack: Stack, server: Server) -> None:
    """The programs of docs/other-services.md, unchanged."""
    text = PAGE.read_text()
    hear, ask, send, change = re.findall(r"```python\n(.*?)```", text, re.S)
    place = {"NATS_URL": url(server.port, INTEGRATION), "ORGANIZATION": stack.ready["organization_id"]}
    python = [sys.executable, "-c"]
    assert "A table for two tonight?" in await said([*python, hear], **place)
    assert f"{CUSTOMER} Nina" in await said([*python, ask], **place)
    assert await said([*python, send], **place, TO=f"+{CUSTOMER}") == "True sent\nrefused: 0\n"
    assert await said([*python, change], **place) == "confirmed\n"
    look = re.findall(r"```sh\n(curl.*?)```", text, re.S)[0]
    shown = await said(["sh", "-ec", look], TOKEN=stack.ready["token"], URL=stack.ready["api"], NO_PROXY="*")
    assert shown.count('"success":true') == 2


async def revoked_key(api: httpx.AsyncClient, realtime: str) -> None:
    """The api publishes AccessRevoked, and realtime closes the socket."""
    key = (await api.post("/api/api-keys", json={"name": "till"})).json()["data"]
    async with front_end(realtime, key["key"]) as till:
        assert (await api.delete(f"/api/api-keys/{key['id']}")).status_code == 200
        await till.wait("session:ended", code="api_key_revoked")


async def test_no_service_needs_more_than_its_user_may(guarded: tuple[Stack, Server]) -> None:
    stack, server = guarded
    token = stack.ready["token"]
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        SimulatorClient(stack.ready["simulator"]) as simulator,
        httpx.AsyncClient(base_url=stack.ready["api"], headers=headers, trust_env=False, timeout=60) as api,
    ):
        await simulator.post("/phones", number=OWNER, name="Trattoria")
        await simulator.post("/contacts", number=CUSTOMER, name="Nina")
        async with front_end(stack.ready["realtime"], token) as page:
            instance_id = await link(api, page, simulator)
            await receive(stack, page, simulator, instance_id)
            await answer(api, page, simulator, instance_id)
            await another_service(stack, server)
            await revoked_key(api, stack.ready["realtime"])
            await restart(stack, page, simulator, instance_id)
        stats = (await api.get("/api/admin/queue-stats")).json()["data"]
        assert stats["dead_letters"] == 0
        assert {found["name"].split("-")[0] for found in stats["consumers"]} == {"router", "session", INTEGRATION}
    refused = [line for line in server.log.read_text().splitlines() if "Violation" in line]
    assert refused == []
