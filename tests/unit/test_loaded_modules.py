"""What a process does not load, because it would hold it for nothing (`./switchboard bench memory`)."""

import json
import os
import subprocess
import sys

import pytest

from tests.unit.test_architecture import ROOT

DEVELOPMENT = {"rich", "pygments", "watchfiles", "requests"}
TOKENS = {"cryptography", "jwt"}
MONGO = {"motor", "pymongo", "bson", "gridfs"}
NOT_LOADED = {
    "services.router.main": DEVELOPMENT | TOKENS | {"aiohttp", "fastapi", "httpx", "socketio"},
    "services.session.main": DEVELOPMENT | TOKENS | {"aiohttp", "fastapi", "google.protobuf", "neonize", "socketio"},
    "services.session.worker.zygote": MONGO | TOKENS | {"aiohttp", "fastapi", "faststream", "nats", "uvicorn"},
    "services.api.main": DEVELOPMENT | {"aiohttp", "socketio"},
    "services.realtime.main": DEVELOPMENT | MONGO | {"aiohttp", "fastapi", "httpx"},
}


def loaded_modules(module: str, nats_url: str = "nats://127.0.0.1:4222") -> set[str]:
    """The modules of a new process that has imported `module`."""
    script = f"import json, sys, {module}; print(json.dumps([n for n, m in sys.modules.items() if m is not None]))"
    environment = os.environ | {"NATS_URL": nats_url}
    command = [sys.executable, "-c", script]
    output = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True).stdout
    return set(json.loads(output))


@pytest.mark.parametrize("module", NOT_LOADED)
def test_a_process_does_not_load_what_it_never_uses(module: str) -> None:
    loaded = loaded_modules(module)
    assert module in loaded
    assert loaded & NOT_LOADED[module] == set()


def test_a_nats_server_with_a_websocket_needs_the_client_for_it() -> None:
    assert "aiohttp" in loaded_modules("services.router.main", "wss://nats-1.example.com, wss://nats-2.example.com")
