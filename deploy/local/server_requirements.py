"""What must be true of the machine before mongod and nats-server can be started."""

import subprocess
from pathlib import Path

from deploy.local.binaries import MissingBinary

_REMEDIES = {
    "libcurl": "install it (Debian: apt-get install libcurl4)",
    "libcrypto": "install OpenSSL 3 (Debian: apt-get install libssl3)",
    "libssl": "install OpenSSL 3 (Debian: apt-get install libssl3)",
}


def require_runnable(program: Path) -> None:
    """Raises MissingBinary naming the library that is missing and how to install it."""
    try:
        shown = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingBinary(f"{program.name} at {program} cannot be run: {error}") from error
    if shown.returncode != 0:
        raise MissingBinary(explain(program.name, shown.stderr))


def explain(name: str, said: str) -> str:
    """One sentence for what the loader said."""
    for library, remedy in _REMEDIES.items():
        if library in said:
            return f"{name} needs {library} from the system, which is missing: {remedy}, or set MONGO_URL"
    reason = said.strip().splitlines()[-1] if said.strip() else "no reason given"
    return f"{name} cannot be run on this machine: {reason}"
