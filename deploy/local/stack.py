"""The whole of Switchboard on one machine as one object: `async with Stack(Options(data=...)) as stack`."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from deploy.local import ports, process_specs
from deploy.local.binaries import find_mongod, find_nats_server
from deploy.local.child_process import Child, Hooks, Plan, StartFailed
from deploy.local.data_folder import DataFolder, Secrets
from deploy.local.first_user import first_login
from deploy.local.process_specs import PROCESSES, ROOT, Process
from deploy.local.readiness import is_ready
from deploy.local.server_requirements import require_runnable
from deploy.local.streams import declare_streams

START_LIMIT, STOP_GRACE = 120.0, 15.0
"""Seconds."""
_TOO_MANY_DEATHS = 3


def _silent(_: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Options:
    """port: the first of ten, 0 = any ten free ones. nats_url, mongo_url: use that server and start none.

    environ: what every process gets, unchanged but for the variables of `topology` (default: our own).
    """

    data: Path
    port: int = 3000
    simulator: bool = True
    nats_url: str | None = None
    mongo_url: str | None = None
    say: Callable[[str], None] = _silent
    environ: Mapping[str, str] | None = None
    processes: tuple[Process, ...] = PROCESSES


class Stack:
    """Starts the processes on entering and stops them in stages on leaving (`Process.stops`); restarts one that dies in
    between."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.port = options.port or ports.free_run()
        self.ready: dict[str, Any] = {}
        """What `up --json` prints; filled when everything is ready."""
        self._folder = DataFolder(options.data)
        self._processes = [process for process in options.processes if self._wanted(process)]
        self._children: dict[str, Child] = {}
        self._reaper: subprocess.Popen[str] | None = None
        self._trimmer: asyncio.Task[None] | None = None
        self._http = httpx.AsyncClient(trust_env=False, timeout=5)

    async def __aenter__(self) -> Self:
        """Raises StartFailed, PortTaken, DataFolderError, MissingBinary or FirstUserError, all with a remedy."""
        try:
            await self._open()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    @property
    def names(self) -> list[str]:
        """Of the processes, in the order of starting."""
        return [process.name for process in self._processes]

    def pid(self, name: str) -> int:
        """Raises KeyError for an unknown name, ProcessLookupError between a death and the restart."""
        return self._children[name].pid

    def kill(self, name: str) -> None:
        """`kill -9`, as a crash; the process is started again by itself."""
        self._children[name].kill()

    async def stop(self, name: str) -> None:
        """Stop one process and leave it stopped until `restart`."""
        await self._children[name].stop(STOP_GRACE)

    async def restart(self, name: str) -> None:
        """Stop, start, wait until ready."""
        await self.stop(name)
        await self._children[name].start()
        await self.wait_ready(name)

    async def wait_ready(self, name: str, limit: float = START_LIMIT) -> None:
        """Raises StartFailed after `limit` seconds, or at once when the process keeps dying."""
        process, child = next(p for p in self._processes if p.name == name), self._children[name]
        deaths = child.deaths
        clock = asyncio.get_running_loop().time
        deadline = clock() + limit
        while not (child.running and await is_ready(process, self.port, self._http)):
            if child.deaths - deaths >= _TOO_MANY_DEATHS or clock() > deadline:
                raise StartFailed(f"{name} does not start; the end of {child.plan.log}:\n{child.last_words()}")
            await asyncio.sleep(0.05)

    def _wanted(self, process: Process) -> bool:
        given = {"nats": self.options.nats_url, "mongo": self.options.mongo_url}
        return self.options.simulator if process.name == "simulator" else not given.get(process.name)

    async def _open(self) -> None:
        await asyncio.to_thread(self._folder.open, self.port)
        ports.require_free(self.port + offset for offset in process_specs.PRIVATE_PORTS)
        secrets = self._folder.secrets()
        places = self._places(secrets)
        self._reaper = self._start_reaper()
        hooks = Hooks(self.options.say, self._tell_reaper("+"), self._tell_reaper("-"))
        self._children = {p.name: Child(self._plan(p, places), hooks) for p in self._processes}
        await self._start_all()
        self.ready = self._line(places, secrets)
        if "api" in self._children:
            login = await first_login(process_specs.url(self.port), secrets, self._http)
            self.ready |= {"token": login.token, "organization_id": login.organization_id}
        self._trimmer = asyncio.create_task(self._trim_logs())

    async def _start_all(self) -> None:
        """Everything at once, each as soon as what it needs is ready."""
        done = {process.name: asyncio.Event() for process in self._processes}

        async def start(process: Process) -> None:
            for need in process.needs:
                if need in done:
                    await done[need].wait()
            await self._children[process.name].start()
            await self.wait_ready(process.name)
            if process.name == "nats" and "api" not in self.names:
                await declare_streams(process_specs.url(self.port + process.port, "nats"))
            done[process.name].set()

        try:
            async with asyncio.TaskGroup() as group:
                for process in self._processes:
                    group.create_task(start(process))
        except* StartFailed as failures:
            raise failures.exceptions[0] from None

    async def _close(self) -> None:
        if self._trimmer:
            self._trimmer.cancel()
        for stage in sorted({process.stops for process in self._processes}):
            names = [process.name for process in self._processes if process.stops == stage]
            ending = [self._children[name].stop(STOP_GRACE) for name in names if name in self._children]
            await asyncio.gather(*ending)
        await self._http.aclose()
        if self._reaper and self._reaper.stdin:
            self._reaper.communicate("done\n", timeout=STOP_GRACE)
        self._folder.close()

    def _places(self, secrets: Secrets) -> dict[str, str]:
        monitor, network = self.port + process_specs.NATS_MONITOR, self.port + process_specs.SIMULATOR_NETWORK
        offsets = {process.name: self.port + process.port for process in PROCESSES}
        given = self.options
        return {
            "python": sys.executable,
            "root": str(ROOT),
            "data": str(self._folder.path),
            "environment": "local",
            "nats_server": "" if given.nats_url else self._program(find_nats_server(self._environ)),
            "mongod": "" if given.mongo_url else self._program(find_mongod(self._environ)),
            "nats_url": given.nats_url or process_specs.url(offsets["nats"], "nats"),
            "mongo_url": given.mongo_url or process_specs.mongo_url(offsets["mongo"]),
            "simulator_url": process_specs.url(offsets["simulator"]) if given.simulator else "",
            "api_url": process_specs.url(offsets["api"]),
            "realtime_url": process_specs.url(offsets["realtime"]),
            "monitor_port": str(monitor),
            "network_port": str(network),
            "token_private_key": secrets.token_private_key,
            "token_public_key": secrets.token_public_key,
        }

    def _program(self, path: Path) -> str:
        require_runnable(path)
        return str(path)

    @property
    def _environ(self) -> Mapping[str, str]:
        return os.environ if self.options.environ is None else self.options.environ

    def _plan(self, process: Process, places: Mapping[str, str]) -> Plan:
        command, variables = process_specs.fill(process, self.port, places)
        return Plan(process.name, command, {**self._environ, **variables}, ROOT, self._folder.log(process.name))

    def _line(self, places: Mapping[str, str], secrets: Secrets) -> dict[str, Any]:
        origin = process_specs.url(self.port)
        return {
            "api": origin,
            "realtime": origin,
            "console": f"{origin}/",
            "nats": places["nats_url"],
            "mongo": places["mongo_url"],
            "simulator": places["simulator_url"] or None,
            "email": secrets.email,
            "password": secrets.password,
        }

    def _start_reaper(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "deploy.local.orphan_cleanup"],
            stdin=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            start_new_session=True,
            pass_fds=(self._folder.lock_descriptor,),
        )

    def _tell_reaper(self, sign: str) -> Callable[[int], None]:
        def tell(group: int) -> None:
            pipe = self._reaper.stdin if self._reaper else None
            if pipe:
                with suppress(BrokenPipeError):
                    pipe.write(f"{sign}{group}\n")
                    pipe.flush()

        return tell

    async def _trim_logs(self) -> None:
        while True:
            await asyncio.sleep(30)
            for child in self._children.values():
                child.trim_log()
