"""What docker-compose.yml describes, as processes on loopback: shipped configuration, own secrets for each service.

Differences to a server: host names are loopback addresses, and the session service is in local mode, because only then
it reaches the simulator instead of WhatsApp.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from deploy.local.binaries import find_nats_server
from shared.platform.mongo_roles import ACCESS, password_variable
from shared.platform.mongo_setup import SETUP_USER
from simulator.app import Simulator
from tests.memory import in_memory
from tests.security.caddy_fixtures import Caddy, caddy
from tests.security.compose_file import OURS, ROOT, SERVICES, environment, read_env
from tests.security.mongo_fixtures import GuardedMongo
from tests.servers import Server, free_port

WAIT_TIMEOUT_S = 60.0


@dataclass
class Production:
    """`env`: the variables of .env. `ports`: of the services."""

    folder: Path
    env: dict[str, str]
    nats: Server
    mongo: GuardedMongo
    simulator: Simulator
    ports: Mapping[str, int]
    services: dict[str, Server] = field(default_factory=dict)
    front: Caddy | None = None

    @property
    def url(self) -> str:
        """The one origin."""
        assert self.front is not None
        return self.front.url

    def nats_url(self, user: str) -> str:
        return f"nats://{user}:{self.env[f'NATS_{user.upper()}_PASSWORD']}@127.0.0.1:{self.nats.port}"

    def log(self, service: str) -> str:
        return self.services[service].log.read_text()

    def service_environment(self, service: str) -> dict[str, str]:
        """That of the container, with loopback addresses."""
        places = {"@nats:4222": f"@127.0.0.1:{self.nats.port}", "@mongo:27017": f"@127.0.0.1:{self.mongo.port}"}
        found = environment(service, self.env)
        for name in ("NATS_URL", "MONGO_URL"):
            for place, address in places.items():
                found[name] = found.get(name, "").replace(place, address)
        found |= {"WA_HTTP_HOST": "127.0.0.1", "WA_HTTP_PORT": str(self.ports[service])}
        if service in ("api", "realtime"):
            found["WA_TRUSTED_PROXIES"] = "127.0.0.1"
        if service == "session":
            found |= {"WA_DATA_DIR": str(self.folder / "session"), "WA_ENVIRONMENT": "local"}
            found |= {"WA_SIMULATOR_URL": self.simulator.control_url}
        return {name: text for name, text in found.items() if text}

    async def start(self, service: str) -> None:
        system = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "PYTHONPATH": str(ROOT)}
        variables = [f"{name}={text}" for name, text in (system | self.service_environment(service)).items()]
        command = [sys.executable, *SERVICES[service]["command"][1:]]
        server = Server(["env", "-i", *variables, *command], self.ports[service], self.folder / f"{service}.log")
        self.services[service] = server
        await server.start()
        async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(WAIT_TIMEOUT_S):
            while not await _ready(http, self.ports[service]):
                await asyncio.sleep(0.1)

    async def stop(self) -> None:
        for server in self.services.values():
            if server.process and server.process.returncode is None:
                server.process.terminate()
        for server in self.services.values():
            if server.process:
                try:
                    await asyncio.wait_for(server.process.wait(), 20)
                except TimeoutError:
                    await server.kill()


async def _ready(http: httpx.AsyncClient, port: int) -> bool:
    try:
        return (await http.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200
    except httpx.HTTPError:
        return False


def _generated(folder: Path) -> dict[str, str]:
    (folder / ".env.example").write_text((ROOT / ".env.example").read_text())
    subprocess.run([ROOT / "deploy" / "generate-env", folder], check=True, capture_output=True, timeout=60)
    return read_env(folder / ".env")


def _nats(folder: Path, env: Mapping[str, str]) -> Server:
    port = free_port()
    variables = [f"{name}={text}" for name, text in environment("nats", env).items()]
    program, config = str(find_nats_server(os.environ)), str(ROOT / "deploy" / "nats.production.conf")
    options = ["-c", config, "-a", "127.0.0.1", "-p", str(port), "-sd", str(folder / "nats")]
    return Server(["env", *variables, program, *options], port, folder / "nats.log")


@asynccontextmanager
async def production(folder: Path) -> AsyncIterator[Production]:
    """Services are started in an order in which each has to wait for the others."""
    env = _generated(folder)
    secrets = environment("mongo-setup", env)
    passwords = {user: secrets[password_variable(user)] for user in (SETUP_USER, *ACCESS)}
    mongo = GuardedMongo(folder, passwords=passwords, key=environment("mongo", env)["MONGO_REPLICA_KEY"])
    async with AsyncExitStack() as running:
        running.enter_context(in_memory(folder / "nats", folder / "mongo"))
        nats, mongod = _nats(folder, env), mongo.server()
        for server in (nats, mongod):
            running.push_async_callback(server.kill)
            await server.start()
        status, output = await mongo.set_up()
        assert status == 0, output
        simulator = Simulator(folder / "simulator")
        running.push_async_callback(simulator.stop)
        await simulator.start()
        stack = Production(folder, env, nats, mongo, simulator, {name: free_port() for name in OURS})
        running.push_async_callback(stack.stop)
        async with asyncio.TaskGroup() as starting:
            for service in ("realtime", "session", "router", "api"):
                starting.create_task(stack.start(service))
        ports = stack.ports
        stack.front = await running.enter_async_context(caddy(folder, api=ports["api"], realtime=ports["realtime"]))
        yield stack
