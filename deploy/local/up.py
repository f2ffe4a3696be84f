"""`./switchboard up`: start everything, say where it is, run until Ctrl-C, stop everything."""

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from deploy.local.binaries import MissingBinary
from deploy.local.child_process import StartFailed
from deploy.local.console_output import say
from deploy.local.data_folder import DataFolderError
from deploy.local.first_user import FirstUserError
from deploy.local.ports import PortTaken
from deploy.local.process_specs import PORTS
from deploy.local.stack import Options, Stack

REFUSALS = (StartFailed, DataFolderError, PortTaken, MissingBinary, FirstUserError)
"""What `up` answers with one sentence instead of a traceback."""
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
DEFAULT_DATA = ".switchboard"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `up`."""
    parser.add_argument(
        "--data", metavar="DIR", help=f"where everything is kept (default: {DEFAULT_DATA} of the project)"
    )
    parser.add_argument("--port", type=_port, default=3000, metavar="N", help="first of ten ports (default: 3000)")
    parser.add_argument("--no-simulator", action="store_true", help="real network only")
    parser.add_argument("--json", action="store_true", help="one line of JSON on stdout when ready")


def _port(text: str) -> int:
    if text.isdigit() and 1024 <= int(text) <= 65_535 - PORTS:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number from 1024 to {65_535 - PORTS}")


def data_path(given: str | None, root: Path) -> Path:
    """A relative folder is meant from where the user stands, which `switchboard` passes on."""
    return Path(os.environ.get("SWITCHBOARD_FROM", ".")) / given if given else root / DEFAULT_DATA


async def run(options: Options, as_json: bool) -> int:
    """The exit status: 0 after Ctrl-C or SIGTERM, 1 when something could not be started."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    starting = asyncio.create_task(_until(stopped, options, as_json))
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, _stop, stopped, starting)
    try:
        return await starting
    except asyncio.CancelledError:
        return 0
    except REFUSALS as error:
        say(str(error))
        return 1
    finally:
        for number in STOP_SIGNALS:  # another Ctrl-C while this process ends changes nothing
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_IGN)


def _stop(stopped: asyncio.Event, starting: asyncio.Task[int]) -> None:
    """Once ready, a request to stop ends the wait; before, it cancels the start."""
    if stopped.is_set():
        return
    stopped.set()
    say("stopping")
    if starting.get_name() != "ready":
        starting.cancel()


async def _until(stopped: asyncio.Event, options: Options, as_json: bool) -> int:
    say(f"starting in {options.data}")
    async with Stack(options) as stack:
        task = asyncio.current_task()
        if task:
            task.set_name("ready")
        sys.stdout.write(json.dumps(stack.ready) + "\n" if as_json else _welcome(stack))
        sys.stdout.flush()
        await stopped.wait()
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
