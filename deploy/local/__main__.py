"""The launcher's command line: `./switchboard <command>`."""

import argparse
import sys
from collections.abc import Sequence

from deploy.local.checks import run_checks


def main(arguments: Sequence[str]) -> int:
    """The exit status of the command."""
    parser = argparse.ArgumentParser(prog="switchboard", description="Switchboard on one machine.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    commands.add_parser("test", help="lint, types and all tests; further arguments go to pytest")
    options, rest = parser.parse_known_args(arguments)
    return run_checks(rest) if options.command == "test" else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
