"""`./switchboard up`: starts everything, prints the address, runs until Ctrl-C, stops everything."""

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from deploy.local.binaries import MissingBinary
from deploy.local.child_process import StartFailed
from deploy.local.console_output import tell_user
from deploy.local.data_folder import DataFolderError
from deploy.local.first_user import FirstUserError
from deploy.local.ports import PortTaken
from deploy.local.process_specs import PORT_COUNT
from deploy.local.stack import Options, Stack

EXPECTED_ERRORS = (StartFailed, DataFolderError, PortTaken, MissingBinary, FirstUserError)
"""Errors for which `up` prints one sentence instead of a traceback."""
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
DEFAULT_DATA_FOLDER = ".switchboard"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `up`."""
    parser.add_argument(
        "--data", metavar="DIR", help=f"folder for all data (default: {DEFAULT_DATA_FOLDER} of the project)"
    )
    parser.add_argument("--port", type=_port, default=3000, metavar="N", help="first of ten ports (default: 3000)")
    parser.add_argument("--no-simulator", action="store_true", help="real network only")
    parser.add_argument("--json", action="store_true", help="one line of JSON on stdout when ready")


def _port(text: str) -> int:
    if text.isdigit() and 1024 <= int(text) <= 65_535 - PORT_COUNT:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number from 1024 to {65_535 - PORT_COUNT}")


def data_path(given: str | None, root: Path) -> Path:
    """A relative path is relative to the folder in which the user called `switchboard`."""
    return Path(os.environ.get("SWITCHBOARD_FROM", ".")) / given if given else root / DEFAULT_DATA_FOLDER


async def run(options: Options, as_json: bool) -> int:
    """The exit status: 0 after Ctrl-C or SIGTERM, 1 when something could not be started."""
    stop_requested = asyncio.Event()
    loop = asyncio.get_running_loop()
    startup = asyncio.create_task(_run_until(stop_requested, options, as_json))
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, _request_stop, stop_requested, startup)
    try:
        return await startup
    except asyncio.CancelledError:
        return 0
    except EXPECTED_ERRORS as error:
        tell_user(str(error))
        return 1
    finally:
        for number in STOP_SIGNALS:  # ignore another Ctrl-C while this process ends
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)


def _request_stop(stop_requested: asyncio.Event, startup: asyncio.Task[int]) -> None:
    """Ends the wait of a stack that is ready; cancels one that is still starting."""
    if stop_requested.is_set():
        return
    stop_requested.set()
    tell_user("stopping")
    if startup.get_name() != "ready":
        startup.cancel()


async def _run_until(stop_requested: asyncio.Event, options: Options, as_json: bool) -> int:
    tell_user(f"starting in {options.data}")
    async with Stack(options) as stack:
        task = asyncio.current_task()
        if task:
            task.set_name("ready")
        sys.stdout.write(json.dumps(stack.ready) + "\n" if as_json else _welcome(stack))
        sys.stdout.flush()
        await stop_requested.wait()
    return 0


def _welcome(stack: Stack) -> str:
    ready = stack.ready
    changed = "" if ready["token"] else " (changed since; use yours)"
    return (
        f"Switchboard is ready: {ready['console']}\n"
        f"  email     {ready['email']}\n"
        f"  password  {ready['password']}{changed}\n"
        "Ctrl-C stops it; the data stays.\n"
    )
