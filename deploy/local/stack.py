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
from deploy.local.child_process import ChildProcess, ProcessHooks, ProcessSpec, StartFailed
from deploy.local.data_folder import DataFolder, Secrets
from deploy.local.first_user import first_login
from deploy.local.process_specs import PROCESSES, ROOT, ProcessTemplate
from deploy.local.readiness import is_ready
from deploy.local.server_requirements import require_runnable

START_TIMEOUT_S, STOP_GRACE_S = 120.0, 15.0

_MAX_EXITS_WHILE_STARTING = 3


def _ignore(_: str) -> None:
    """The default of `Options.tell_user`: prints nothing."""


@dataclass(frozen=True)
class Options:
    """data: the data folder. port: the first of ten ports, 0 = any ten free ones. nats_url, mongo_url: use that server
    instead of starting one. environ: base environment of every process (default: that of this process), to which the
    variables of `process_specs` are added.
    """

    data: Path
    port: int = 3000
    simulator: bool = True
    nats_url: str | None = None
    mongo_url: str | None = None
    tell_user: Callable[[str], None] = _ignore
    environ: Mapping[str, str] | None = None
    processes: tuple[ProcessTemplate, ...] = PROCESSES


class Stack:
    """Starts the processes on entering, restarts one that ends by itself, and stops them by `stop_stage` on leaving."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.port = options.port or ports.free_port_range()
        self.ready: dict[str, Any] = {}
        """What `up --json` prints; filled in when every process is ready."""
        self._folder = DataFolder(options.data)
        self._processes = [process for process in options.processes if self._starts_here(process)]
        self._children: dict[str, ChildProcess] = {}
        self._orphan_cleanup: subprocess.Popen[str] | None = None
        self._log_rotation: asyncio.Task[None] | None = None
        self._http = httpx.AsyncClient(trust_env=False, timeout=5)

    async def __aenter__(self) -> Self:
        """Raises StartFailed, PortTaken, DataFolderError, MissingBinary or FirstUserError; the message has a remedy."""
        try:
            await self._start()
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
        """The names of the processes, in the order of starting."""
        return [process.name for process in self._processes]

    def pid(self, name: str) -> int:
        """Raises KeyError for an unknown name, ProcessLookupError while the process is being restarted."""
        return self._children[name].pid

    def kill(self, name: str) -> None:
        """`kill -9`, like a crash; the stack restarts the process."""
        self._children[name].kill()

    async def stop(self, name: str) -> None:
        """Stops one process; it stays stopped until `restart`."""
        await self._children[name].stop(STOP_GRACE_S)

    async def restart(self, name: str) -> None:
        """Stops the process, starts it and waits until it is ready."""
        await self.stop(name)
        await self._children[name].start()
        await self.wait_ready(name)

    async def wait_ready(self, name: str, timeout_s: float = START_TIMEOUT_S) -> None:
        """Raises StartFailed after `timeout_s` seconds, or at once when the process keeps ending."""
        process, child = next(p for p in self._processes if p.name == name), self._children[name]
        unexpected_exits = child.unexpected_exits
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout_s
        while not (child.running and await is_ready(process, self.port, self._http)):
            if child.unexpected_exits - unexpected_exits >= _MAX_EXITS_WHILE_STARTING or clock() > deadline:
                raise StartFailed(f"{name} does not start; the end of {child.spec.log}:\n{child.last_log_lines()}")
            await asyncio.sleep(0.05)

    def _starts_here(self, process: ProcessTemplate) -> bool:
        options = {"nats": self.options.nats_url, "mongo": self.options.mongo_url}
        return self.options.simulator if process.name == "simulator" else not options.get(process.name)

    async def _start(self) -> None:
        await asyncio.to_thread(self._folder.open, self.port)
        ports.require_free(self.port + offset for offset in process_specs.PORT_OFFSETS)
        secrets = self._folder.secrets()
        placeholders = self._placeholders(secrets)
        self._orphan_cleanup = self._start_orphan_cleanup()
        hooks = ProcessHooks(self.options.tell_user, self._report_group("+"), self._report_group("-"))
        self._children = {p.name: ChildProcess(self._spec(p, placeholders), hooks) for p in self._processes}
        await self._start_all()
        self.ready = self._ready_line(placeholders, secrets)
        if "api" in self._children:
            login = await first_login(process_specs.url(self.port), secrets, self._http)
            self.ready |= {"token": login.token, "organization_id": login.organization_id}
        self._log_rotation = asyncio.create_task(self._rotate_logs())

    async def _start_all(self) -> None:
        """Starts all processes concurrently, each as soon as those it starts after are ready."""
        done = {process.name: asyncio.Event() for process in self._processes}

        async def start(process: ProcessTemplate) -> None:
            for need in process.starts_after:
                if need in done:
                    await done[need].wait()
            await self._children[process.name].start()
            await self.wait_ready(process.name)
            if process.name == "nats" and "api" not in self.names:
                # only some tests and benchmarks start no api; `up` does without the clients of NATS and MongoDB
                from deploy.local.streams import declare_streams

                await declare_streams(process_specs.url(self.port + process.port_offset, "nats"))
            done[process.name].set()

        try:
            async with asyncio.TaskGroup() as group:
                for process in self._processes:
                    group.create_task(start(process))
        except* StartFailed as failures:
            raise failures.exceptions[0] from None

    async def _close(self) -> None:
        if self._log_rotation:
            self._log_rotation.cancel()
        for stage in sorted({process.stop_stage for process in self._processes}):
            names = [process.name for process in self._processes if process.stop_stage == stage]
            stopping = [self._children[name].stop(STOP_GRACE_S) for name in names if name in self._children]
            await asyncio.gather(*stopping)
        await self._http.aclose()
        if self._orphan_cleanup and self._orphan_cleanup.stdin:
            self._orphan_cleanup.communicate("done\n", timeout=STOP_GRACE_S)
        self._folder.close()

    def _placeholders(self, secrets: Secrets) -> dict[str, str]:
        monitor, network = (
            self.port + process_specs.NATS_MONITOR_PORT_OFFSET,
            self.port + process_specs.SIMULATOR_NETWORK_PORT_OFFSET,
        )
        offsets = {process.name: self.port + process.port_offset for process in PROCESSES}
        options = self.options
        return {
            "python": sys.executable,
            "root": str(ROOT),
            "data": str(self._folder.path),
            "environment": "local",
            "nats_server": "" if options.nats_url else self._program(find_nats_server(self._environ)),
            "mongod": "" if options.mongo_url else self._program(find_mongod(self._environ)),
            "nats_url": options.nats_url or process_specs.url(offsets["nats"], "nats"),
            "mongo_url": options.mongo_url or process_specs.mongo_url(offsets["mongo"]),
            "simulator_url": process_specs.url(offsets["simulator"]) if options.simulator else "",
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

    def _spec(self, process: ProcessTemplate, placeholders: Mapping[str, str]) -> ProcessSpec:
        command, variables = process_specs.fill_placeholders(process, self.port, placeholders)
        return ProcessSpec(process.name, command, {**self._environ, **variables}, ROOT, self._folder.log(process.name))

    def _ready_line(self, placeholders: Mapping[str, str], secrets: Secrets) -> dict[str, Any]:
        origin = process_specs.url(self.port)
        return {
            "api": origin,
            "realtime": origin,
            "console": f"{origin}/",
            "nats": placeholders["nats_url"],
            "mongo": placeholders["mongo_url"],
            "simulator": placeholders["simulator_url"] or None,
            "email": secrets.email,
            "password": secrets.password,
        }

    def _start_orphan_cleanup(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "deploy.local.orphan_cleanup"],
            stdin=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            start_new_session=True,
            pass_fds=(self._folder.lock_descriptor,),
        )

    def _report_group(self, sign: str) -> Callable[[int], None]:
        def report(group: int) -> None:
            pipe = self._orphan_cleanup.stdin if self._orphan_cleanup else None
            if pipe:
                with suppress(BrokenPipeError):
                    pipe.write(f"{sign}{group}\n")
                    pipe.flush()

        return report

    async def _rotate_logs(self) -> None:
        while True:
            await asyncio.sleep(30)
            for child in self._children.values():
                child.rotate_log()
