"""`./switchboard up` as its user runs it: one launcher per folder, no process left behind, the data stays."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from deploy.local.bench_latency import linked_bench
from deploy.local.ports import free_port_range, is_free
from deploy.local.process_specs import PORT_OFFSETS

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(180)


class Up:
    """One `./switchboard up --json`."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self.process: asyncio.subprocess.Process

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            "./switchboard",
            "up",
            "--json",
            "--data",
            str(self.folder),
            "--port",
            str(self.port),
            cwd=ROOT,
            env=os.environ | {"HOME": str(self.folder.parent)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    async def ready(self) -> dict[str, Any]:
        """The line."""
        await self.start()
        assert self.process.stdout
        line = await self.process.stdout.readline()
        answer = json.loads(line)
        assert isinstance(answer, dict)
        return answer

    async def ended(self) -> tuple[int, str]:
        """The exit status and stderr."""
        _, said = await self.process.communicate()
        return self.process.returncode or 0, said.decode()

    async def gone(self) -> list[str]:
        """The processes that are left after a while: a killed one needs a moment to end."""
        for _ in range(100):
            if not self.left():
                break
            await asyncio.sleep(0.1)
        return self.left()

    def left(self) -> list[str]:
        """Processes that still use the folder."""
        found = []
        for process in psutil.process_iter():
            try:
                words = process.cmdline()
                if process.pid != os.getpid() and any(str(self.folder) in word for word in words):
                    found.append(" ".join(words))
            except psutil.Error:
                continue
        return found


async def test_up_prints_its_address_stops_cleanly_and_keeps_the_data(tmp_path: Path) -> None:
    up = Up(tmp_path / "data", free_port_range())
    line = await up.ready()
    assert sorted(line) == sorted(
        ("api", "realtime", "console", "nats", "mongo", "simulator", "email", "password", "token", "organization_id")
    )
    async with httpx.AsyncClient(trust_env=False) as http:
        page = await http.get(line["console"])
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")

    second = Up(up.folder, free_port_range())
    await second.start()
    status, said = await second.ended()
    assert status == 1
    assert f"already runs on {up.folder} at {line['api']}" in said

    up.process.send_signal(signal.SIGINT)
    status, said = await up.ended()
    assert (status, await up.gone()) == (0, []), said
    assert "Traceback" not in said
    assert all(is_free(up.port + offset) for offset in PORT_OFFSETS)

    again = await up.ready()
    assert (again["password"], again["organization_id"]) == (line["password"], line["organization_id"])
    up.process.kill()
    await up.process.wait()
    async with asyncio.timeout(30):
        while up.left() or not all(is_free(up.port + offset) for offset in PORT_OFFSETS):
            await asyncio.sleep(0.1)


async def test_a_stop_during_the_start_leaves_no_process(tmp_path: Path) -> None:
    up = Up(tmp_path / "data", free_port_range())
    await up.start()
    async with asyncio.timeout(30):
        # not merely a second process: the shell script has some before it becomes the launcher
        while not any("nats-server" in words or "mongod" in words for words in up.left()):
            await asyncio.sleep(0.02)
    up.process.send_signal(signal.SIGTERM)
    status, said = await up.ended()
    assert (status, await up.gone()) == (0, [])
    assert "Traceback" not in said


async def test_ctrl_c_twice_under_load_leaves_no_process_and_loses_no_message(tmp_path: Path) -> None:
    up = Up(tmp_path / "data", free_port_range())
    line = await up.ready()
    async with linked_bench(line) as bench:  # a linked account, and a socket that stays open
        await bench.simulator.post("/load", to=bench.phone, contacts=bench.contacts, rate=20.0, count=2_000)
        while len(bench.recorder.arrivals) < 20:
            await asyncio.sleep(0.05)
        told = len(bench.recorder.arrivals)
        up.process.send_signal(signal.SIGINT)
        await asyncio.sleep(0)
        up.process.send_signal(signal.SIGINT)
        status, said = await up.ended()
    assert (status, await up.gone()) == (0, []), said
    assert "Traceback" not in said
    for log in (tmp_path / "data" / "logs").glob("*.log"):
        assert "Traceback" not in log.read_text(errors="replace"), log.name

    again = await up.ready()
    async with httpx.AsyncClient(base_url=again["api"], trust_env=False, timeout=30) as api:
        api.headers["Authorization"] = f"Bearer {again['token']}"
        ids, cursor = set(), ""
        while True:
            page = (await api.get("/api/messages", params={"limit": 200, "cursor": cursor} if cursor else {})).json()
            ids |= {message["id"] for message in page["data"]}
            if not (cursor := page["next_cursor"]):
                break
    assert len(ids) >= told
    up.process.send_signal(signal.SIGINT)
    assert (await up.ended())[0] == 0
