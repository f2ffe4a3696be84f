"""What the launcher prints for its user."""

import sys


def tell_user(sentence: str) -> None:
    """Writes to stderr; stdout carries only what programs read."""
    sys.stderr.write(f"switchboard: {sentence}\n")
    sys.stderr.flush()
