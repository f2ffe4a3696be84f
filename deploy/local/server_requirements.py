"""Checks that mongod and nats-server can run on this machine; else says which library is missing."""

import subprocess
from pathlib import Path

from deploy.local.binaries import MissingBinary

_REMEDIES = {
    "libcurl": "install it (Debian: apt-get install libcurl4)",
    "libcrypto": "install OpenSSL 3 (Debian: apt-get install libssl3)",
    "libssl": "install OpenSSL 3 (Debian: apt-get install libssl3)",
}


def require_runnable(program: Path) -> None:
    """Raises MissingBinary with the missing library and how to install it."""
    try:
        result = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingBinary(f"{program.name} at {program} cannot be run: {error}") from error
    if result.returncode != 0:
        raise MissingBinary(explain(program.name, result.stderr))


def explain(name: str, stderr: str) -> str:
    """One sentence for what the dynamic loader wrote to stderr."""
    for library, remedy in _REMEDIES.items():
        if library in stderr:
            return f"{name} needs {library} from the system, which is missing: {remedy}, or set MONGO_URL"
    reason = stderr.strip().splitlines()[-1] if stderr.strip() else "no reason given"
    return f"{name} cannot be run on this machine: {reason}"
