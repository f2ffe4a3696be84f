"""Two routers, an api, two realtime services behind the local front door: one origin, one database."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from aiohttp.test_utils import TestServer

from deploy.local.front_proxy import Backends, make_app
from services.api.settings import ApiSettings
from services.router.settings import RouterSettings
from tests.component.api.conftest import running as api_service
from tests.integration.realtime.conftest import service as realtime_service
from tests.integration.router.service import service as router_service
from tests.servers import free_port
from tests.token_keys import PRIVATE_KEY

REPLICAS = 2


@asynccontextmanager
async def product(nats_url: str, mongo_url: str, database: str) -> AsyncIterator[str]:
    """Its origin."""
    place: dict[str, Any] = {"nats_url": nats_url, "mongo_url": mongo_url, "mongo_database": database}
    async with AsyncExitStack() as stack:
        api_settings = ApiSettings(
            environment="local",
            http_port=free_port(),
            token_private_key=PRIVATE_KEY,
            rate_limit_failures=1_000_000,
            **place,
        )
        api = await stack.enter_async_context(api_service(api_settings))
        for _ in range(REPLICAS):
            await stack.enter_async_context(router_service(RouterSettings(http_port=free_port(), **place)))
        sockets = [await stack.enter_async_context(realtime_service(nats_url)) for _ in range(REPLICAS)]
        front = await stack.enter_async_context(TestServer(await make_app(Backends(api, *sockets))))
        yield f"http://127.0.0.1:{front.port}"
