"""How the launcher talks to people."""

import sys


def say(sentence: str) -> None:
    """To stderr: stdout carries only what programs read."""
    sys.stderr.write(f"switchboard: {sentence}\n")
    sys.stderr.flush()
