"""Services of the tests as processes of their own, forked from one that has imported the modules already: to import
them takes a second of processor time at each start."""

import asyncio
import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.forked", "services.session.app", "services.session.settings"])


class ForkedService:
    """`python -m <module>` with this environment; its output is appended to the file `log`."""

    def __init__(self, module: str, environ: Mapping[str, str], log: Path) -> None:
        self._process = _context.Process(target=_run, args=(module, dict(environ), str(log)))
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs, -9 when it was killed by signal 9."""
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    async def wait(self) -> int:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._process.sentinel, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._process.sentinel)
        self._process.join()
        assert self.returncode is not None
        return self.returncode


def _run(module: str, environ: dict[str, str], log: str) -> None:
    os.environ.clear()
    os.environ.update(environ)
    with open(log, "ab") as sink:
        os.dup2(sink.fileno(), sys.stdout.fileno())
        os.dup2(sink.fileno(), sys.stderr.fileno())
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
