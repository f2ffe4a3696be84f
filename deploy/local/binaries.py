"""Finds nats-server and mongod: in a setting, in PATH, in an installed wheel; else the error says what to install."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path


class MissingBinary(RuntimeError):
    """A server program is not on this machine; the message says what to install."""


def find_nats_server(environ: Mapping[str, str]) -> Path:
    """Raises MissingBinary."""
    beside_python = Path(sys.executable).parent / "nats-server"
    for candidate in (environ.get("NATS_SERVER"), shutil.which("nats-server"), beside_python):
        if candidate and os.access(candidate, os.X_OK):
            return Path(candidate)
    raise MissingBinary("nats-server is missing: install it (nats.io/download) or set NATS_URL to a running server")


def find_mongod(environ: Mapping[str, str]) -> Path:
    """Raises MissingBinary."""
    for candidate in (environ.get("MONGOD"), shutil.which("mongod"), _wheel_mongod()):
        if candidate and os.access(candidate, os.X_OK):
            return Path(candidate)
    raise MissingBinary("mongod is missing: install MongoDB 6 or later, or set MONGO_URL to a running replica set")


def _wheel_mongod() -> Path | None:
    spec = importlib.util.find_spec("fiftyone")
    roots = list(spec.submodule_search_locations or []) if spec else []
    found = [Path(root) / "db" / "bin" / "mongod" for root in roots]
    return next((path for path in found if path.is_file()), None)
