"""The router, running in this process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from services.router.app import make_app
from services.router.settings import RouterSettings


@asynccontextmanager
async def service(settings: RouterSettings) -> AsyncIterator[None]:
    server = uvicorn.Server(uvicorn.Config(make_app(settings), port=settings.http_port, log_config=None, lifespan="on"))
    running = asyncio.create_task(server.serve())
    while not server.started:
        assert not running.done(), "the router did not start"
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await running
