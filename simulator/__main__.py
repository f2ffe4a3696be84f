"""`python -m simulator`: runs until SIGINT or SIGTERM, then writes everything and ends."""

import argparse
import asyncio
import json
import logging
import signal
import sys
import tempfile
from pathlib import Path

from simulator.app import Simulator


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="simulator", description="A WhatsApp network on this machine.")
    parser.add_argument("--port", type=int, default=21080, help="the network (CONNECT proxy), 0 = any free port")
    parser.add_argument("--control-port", type=int, default=21081, help="the control interface, 0 = any free port")
    parser.add_argument("--seed", type=int, help="same seed, same names, numbers and ids (keys are always random)")
    parser.add_argument("--data", "--state", type=Path, help="keep everything in this folder; default: forget it")
    parser.add_argument("--verbose", action="store_true", help="log every stanza to stderr")
    return parser.parse_args()


async def _run(arguments: argparse.Namespace, folder: Path) -> None:
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    simulator = Simulator(folder, arguments.seed)
    try:
        await simulator.start(arguments.port, arguments.control_port)
        sys.stdout.write(json.dumps(simulator.ready()) + "\n")
        sys.stdout.flush()
        await stopped.wait()
    finally:
        await simulator.stop()


def main() -> None:
    """Exit code 1 with one line on stderr when it cannot start."""
    arguments = _arguments()
    level = logging.DEBUG if arguments.verbose else logging.WARNING
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    logging.getLogger("simulator").setLevel(level)
    try:
        if arguments.data:
            asyncio.run(_run(arguments, arguments.data.resolve()))
        else:
            with tempfile.TemporaryDirectory(prefix="simulator-") as folder:
                asyncio.run(_run(arguments, Path(folder)))
    except (OSError, RuntimeError, LookupError) as error:
        sys.exit(f"simulator: {error}")


if __name__ == "__main__":
    main()
