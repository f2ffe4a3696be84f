"""Starts `./switchboard up` in a process of its own, for benches that measure the launcher as well."""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path

from deploy.local.ports import free_port_range
from deploy.local.process_specs import ROOT


async def start_launcher(folder: Path) -> Process:
    """It writes one line of JSON to its standard output when everything is ready, and stops at SIGINT. Its data is in a
    subfolder of `folder`."""
    command = ("./switchboard", "up", "--json", "--data", str(folder / "data"), "--port", str(free_port_range()))
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=PIPE, stderr=DEVNULL)
