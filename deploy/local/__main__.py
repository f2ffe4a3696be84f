"""The launcher's command line: `./switchboard <command>`."""

import shared.platform.omitted_modules  # noqa: F401  (before the libraries that would load them)

# isort: split
import argparse
import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import NoReturn

from deploy.local import up
from deploy.local.checks import run_checks
from deploy.local.child_process import PRIVATE_UMASK
from deploy.local.console_output import tell_user
from deploy.local.process_specs import ROOT
from deploy.local.stack import Options

BENCHES = ("attack", "console", "latency", "memory", "realtime", "router", "sends", "stop")


def make_parser() -> argparse.ArgumentParser:
    """Commands and their options."""
    parser = argparse.ArgumentParser(prog="switchboard", description="Switchboard on one machine.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    up_parser = commands.add_parser("up", help="start everything and print the address; Ctrl-C stops it")
    up.add_arguments(up_parser)
    commands.add_parser("test", help="lint, types and all tests; further arguments go to pytest", add_help=False)
    bench_list = ", ".join(f"`bench {name}`" for name in BENCHES)
    commands.add_parser("bench", help=f"measure: {bench_list}", add_help=False)
    commands.add_parser(
        "kill-test", help="kill -9 every process under load and count what is lost or sent twice", add_help=False
    )
    commands.add_parser("help", help="this text")
    return parser


def main(arguments: Sequence[str]) -> int:
    """The exit status of the command."""
    os.umask(PRIVATE_UMASK)
    parser = make_parser()
    options, rest = parser.parse_known_args(arguments)
    match options.command:
        case "test":
            return run_checks(rest)
        case "bench":
            return _bench(rest)
        case "kill-test":
            return _module("kill_test", rest)
        case "help":
            parser.print_help()
            return 0
    if rest:
        parser.error(f"unknown arguments: {' '.join(rest)}")
    return asyncio.run(up.run(_stack_options(options), options.json))


def _bench(arguments: list[str]) -> int:
    if not arguments or arguments[0] not in BENCHES:
        sys.stderr.write(f"switchboard: bench needs one of: {', '.join(BENCHES)}\n")
        return 2
    return _module(f"bench_{arguments[0]}", arguments[1:])


def _module(name: str, arguments: list[str]) -> int:
    """Runs a module that starts its own stack and parses its own options."""
    command = [sys.executable, "-m", f"deploy.local.{name}", *arguments]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def _stack_options(arguments: argparse.Namespace) -> Options:
    return Options(
        data=up.data_path(arguments.data, ROOT),
        port=arguments.port,
        simulator=not arguments.no_simulator,
        tell_user=tell_user,
        nats_url=os.environ.get("NATS_URL") or None,
        mongo_url=os.environ.get("MONGO_URL") or None,
    )


def _exit_now(status: int) -> NoReturn:
    """Ends without the interpreter's clean-up: with this many modules it takes as long as stopping a service."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    _exit_now(main(sys.argv[1:]))
