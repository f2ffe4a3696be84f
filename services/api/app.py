"""Creates the api: connects its stores, middleware, routes and NATS endpoints."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from functools import cache, partial

import httpx
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from services.api import openapi, problems, route_matching
from services.api.access.audit_queue import AuditQueue
from services.api.access.caller_cache import CallerCache
from services.api.access.connected_instances import ConnectedInstances
from services.api.access.passwords import Passwords
from services.api.access.rate_limits import RateLimits
from services.api.access.revocation_steps import pending_revocation_publisher
from services.api.access.revocations import AccessRevocations
from services.api.context import ApiContext
from services.api.mail.mail_queue import MailQueue
from services.api.mail.smtp import send_mail
from services.api.middleware.audit import AuditMiddleware
from services.api.middleware.authentication import AuthenticationMiddleware
from services.api.middleware.compression import CompressionMiddleware
from services.api.middleware.cross_site import CrossSiteMiddleware
from services.api.middleware.idempotency import IdempotencyMiddleware
from services.api.middleware.json_bodies import JsonBodyMiddleware
from services.api.middleware.request_context import RequestContextMiddleware
from services.api.nats import asyncapi
from services.api.nats.access_queries import ACCESS_QUERY_LIMITS, access_endpoints
from services.api.nats.cache_events import caches_follow_events
from services.api.nats.queries import QUERY_HANDLERS
from services.api.nats.requests import REQUEST_ROUTES, request_endpoints
from services.api.route_modules import ROUTE_MODULES
from services.api.routes import simulator
from services.api.settings import ApiSettings
from services.api.store.audit_log import AuditLog
from services.api.store.migrations import migrate_api
from services.api.store.pending_revocations import PendingRevocations
from shared.messaging.client import broker_client
from shared.messaging.command_client import CommandClient
from shared.messaging.connection import connection, make_broker, nats_ready
from shared.messaging.publisher import Publisher
from shared.messaging.rpc_server import rpc_server
from shared.messaging.streams import ensure_streams
from shared.platform.mongo import open_mongo, ping
from shared.platform.readiness import Check
from shared.service import with_ops

_EXPOSED_HEADERS = [
    "X-Request-Id",
    "Retry-After",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Idempotency-Replayed",
]
"""Response headers that front ends on other hosts may read (CORS)."""


def create_app(settings: ApiSettings) -> ASGIApp:
    """The service as one ASGI app; its lifespan opens MongoDB and NATS and starts the background tasks."""
    broker = make_broker("api", settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with (
            open_mongo(settings) as database,
            connection(broker, settings, streams=ensure_streams) as streams,
            _simulator_client(settings.simulator_url) as simulator_client,
        ):
            await migrate_api(database)
            client = broker_client(broker)
            publisher = Publisher(streams)
            callers, connected_instances = CallerCache(), ConnectedInstances()
            revocations = AccessRevocations(publisher, PendingRevocations(database), callers)
            audit_queue = AuditQueue(AuditLog(database.audit, settings.audit_kept))
            passwords = Passwords()
            mails = MailQueue(partial(send_mail, settings)) if settings.sends_mail else None
            app.state.context = ApiContext(
                settings,
                database,
                CommandClient(client, publisher),
                streams,
                passwords,
                callers,
                connected_instances,
                revocations,
                audit_queue,
                RateLimits(settings),
                mails,
                simulator_client,
            )
            app.state.checks = {"mongo": partial(ping, database), "nats": partial(nats_ready, broker)}
            query_endpoints = [handler.endpoint(app.state.context) for handler in QUERY_HANDLERS]
            async with (
                pending_revocation_publisher(app.state.context),
                audit_queue.running(),
                mails.running() if mails else nullcontext(),
                caches_follow_events(client, callers, connected_instances),
                rpc_server(
                    client, access_endpoints(database, RateLimits(settings)), queue="api", limits=ACCESS_QUERY_LIMITS
                ),
                rpc_server(client, [*query_endpoints, *request_endpoints(app)], queue="api"),
            ):
                yield
            passwords.close()
            await revocations.close()

    app = FastAPI(
        title="Switchboard",
        version="0.1.0",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        responses=openapi.PROBLEM_RESPONSES,
        description=openapi.DESCRIPTION,
    )
    problems.install(app)
    openapi.install(app)
    app.state.asyncapi = cache(partial(asyncapi.document, QUERY_HANDLERS, REQUEST_ROUTES))
    for module in ROUTE_MODULES:
        app.include_router(module.router)
    route_matching.store_routes(app, (route for module in ROUTE_MODULES for route in module.router.routes))
    app.add_middleware(AuditMiddleware)
    app.add_middleware(IdempotencyMiddleware)
    app.add_middleware(JsonBodyMiddleware)
    app.add_middleware(AuthenticationMiddleware, settings=settings)
    app.add_middleware(CompressionMiddleware)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["*"],
            allow_headers=["*"],
            expose_headers=_EXPOSED_HEADERS,
        )
    checks = {name: _check(app, name) for name in ("mongo", "nats")}
    return with_ops(
        RequestContextMiddleware(CrossSiteMiddleware(app, settings.cors_origins), settings.body_limit), checks, settings
    )


@asynccontextmanager
async def _simulator_client(url: str | None) -> AsyncIterator[httpx.AsyncClient | None]:
    """A client of the simulator's control interface; None without `url`."""
    if url is None:
        yield None
        return
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=simulator.SIMULATOR_TIMEOUT) as client:
        yield client


def _check(app: FastAPI, name: str) -> Check:
    async def check() -> None:
        await app.state.checks[name]()

    return check
