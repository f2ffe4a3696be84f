"""`python -m simulator` as a program."""

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

from simulator.client import SimulatorClient


async def _program(*arguments: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "simulator", *arguments)
    return await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)


async def _ready(program: asyncio.subprocess.Process) -> dict[str, Any]:
    assert program.stdout is not None
    async with asyncio.timeout(20):
        answer: dict[str, Any] = json.loads(await program.stdout.readline())
    return answer


async def test_it_prints_its_addresses_stops_on_a_signal_and_keeps_its_state(tmp_path: Path) -> None:
    arguments = ("--port", "0", "--control-port", "0", "--seed", "1", "--data", str(tmp_path))
    first = await _program(*arguments)
    told = await _ready(first)
    async with SimulatorClient(told["control"]) as client:
        phone = await client.post("/phones", name="Anna")
        network = await client.get("/network")
    assert {name: told[name] for name in network} == network
    first.send_signal(signal.SIGTERM)
    assert await first.wait() == 0
    second = await _program(*arguments)
    again = await _ready(second)
    async with SimulatorClient(again["control"]) as client:
        assert await client.get(f"/phones/{phone['number']}") == phone
    assert again["noise_root"] == told["noise_root"]
    second.send_signal(signal.SIGINT)
    assert await second.wait() == 0


async def test_a_port_that_is_taken_is_explained_in_one_line() -> None:
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = str(taken.sockets[0].getsockname()[1])
    program = await _program("--port", port, "--control-port", "0")
    _, errors = await asyncio.wait_for(program.communicate(), 20)
    taken.close()
    assert program.returncode == 1
    assert errors.decode().startswith("simulator: ")
    assert len(errors.decode().strip().splitlines()) == 1
