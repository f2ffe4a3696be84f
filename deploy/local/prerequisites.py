"""What the tests need beyond the environment: a browser, Node.js, Caddy, openssl and the libraries of mongod, installed
when we may."""

import os
import shutil
import subprocess
from collections.abc import Callable

from deploy.local.binaries import MissingBinary, find_mongod
from deploy.local.server_requirements import require_runnable

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


_PROGRAMS = {"node": "nodejs", "caddy": "caddy", "openssl": "openssl"}


def missing_packages() -> list[str]:
    """Debian packages without which tests fail."""
    found = [] if any(shutil.which(name) for name in CHROMIUM_NAMES) else ["chromium"]
    found += [package for program, package in _PROGRAMS.items() if not shutil.which(program)]
    if not os.environ.get("WA_TEST_MONGO_URL"):
        try:
            require_runnable(find_mongod(os.environ))
        except MissingBinary as error:
            if "libcurl" in str(error):
                found.append("libcurl4")
    return found


def provide(packages: list[str], say: Callable[[str], None]) -> bool:
    """Install them when we are root on a system with apt-get; else, or when that fails, say what to do and False."""
    if not packages:
        return True
    names = " ".join(packages)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        say(f"the tests need {names}: install it (Debian: sudo apt-get install {names}) and run this again")
        return False
    say(f"installing {names} for the tests (once)")
    environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *packages]):
        done = subprocess.run(["apt-get", *command], env=environ, capture_output=True, text=True, check=False)
        if done.returncode:
            say(f"{names} could not be installed: {(done.stderr or done.stdout).strip()[-400:]}")
            return False
    return True
