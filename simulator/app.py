"""The whole program: a world and its control interface, on loopback."""

from pathlib import Path

from aiohttp import web

from simulator.control.app import create_app
from simulator.world import World


class Simulator:
    """Start, use `ready()` to tell others, stop. Port 0 asks for a free one."""

    def __init__(self, folder: Path, seed: int | None = None) -> None:
        self.world = World(folder, seed)
        self._runner = web.AppRunner(create_app(self.world), access_log=None, shutdown_timeout=1)
        self.control_port = 0

    async def start(self, port: int = 0, control_port: int = 0) -> None:
        """Raises OSError when a port is taken."""
        await self.world.start(port)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", control_port)
        await site.start()
        self.control_port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        await self._runner.cleanup()
        await self.world.stop()

    @property
    def control_url(self) -> str:
        return f"http://127.0.0.1:{self.control_port}"

    def ready(self) -> dict[str, str]:
        """What is printed once everything listens."""
        world = self.world
        where = {"proxy": world.proxy_url, "control": self.control_url}
        return {**where, "ca": str(world.service.ca_path), "noise_root": world.noise_root}
