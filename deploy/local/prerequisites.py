"""Debian packages that the tests need (a browser, Node.js, Caddy, openssl, libraries of mongod); installed when the
user is root."""

import os
import shutil
import subprocess
from collections.abc import Callable

from deploy.local.binaries import MissingBinary, find_mongod
from deploy.local.server_requirements import require_runnable

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_PACKAGE_BY_PROGRAM = {"node": "nodejs", "caddy": "caddy", "openssl": "openssl"}


def missing_packages() -> list[str]:
    """Debian packages that the tests need and this machine lacks."""
    missing = [] if any(shutil.which(name) for name in CHROMIUM_NAMES) else ["chromium"]
    missing += [package for program, package in _PACKAGE_BY_PROGRAM.items() if not shutil.which(program)]
    if not os.environ.get("WA_TEST_MONGO_URL"):
        try:
            require_runnable(find_mongod(os.environ))
        except MissingBinary as error:
            if "libcurl" in str(error):
                missing.append("libcurl4")
    return missing


def install_packages(packages: list[str], tell_user: Callable[[str], None]) -> bool:
    """Installs the packages with apt-get, as root. Returns False when it cannot, and prints what to do."""
    if not packages:
        return True
    names = " ".join(packages)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        tell_user(f"the tests need {names}: install it (Debian: sudo apt-get install {names}) and run this again")
        return False
    tell_user(f"installing {names} for the tests (once)")
    environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *packages]):
        result = subprocess.run(["apt-get", *command], env=environ, capture_output=True, text=True, check=False)
        if result.returncode:
            tell_user(f"{names} could not be installed: {(result.stderr or result.stdout).strip()[-400:]}")
            return False
    return True
