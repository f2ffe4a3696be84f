"""The control interface as an aiohttp application, with /openapi.json and /docs made from the same table."""

import html
from typing import Any

from aiohttp import web

from simulator.control import about, contacts, operations, phones
from simulator.control.errors import problems
from simulator.control.local_callers import only_local_callers
from simulator.control.routes import ControlContext, ControlRoute
from simulator.world import World

MAX_BODY_BYTES = 32 << 20
ROUTES: tuple[ControlRoute, ...] = (
    *operations.table.routes,
    *phones.table.routes,
    *contacts.table.routes,
    *about.table.routes,
)
CONTEXT = web.AppKey("context", ControlContext)


def create_app(world: World) -> web.Application:
    """All routes over one world."""
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[only_local_callers, problems])
    app[CONTEXT] = context = ControlContext(world)
    for route in ROUTES:
        app.router.add_route(route.method, route.path, _handler(route, context))
    app.router.add_get("/openapi.json", _openapi)
    app.router.add_get("/docs", _docs)
    app.router.add_get("/", _docs)
    app.on_shutdown.append(_stop_runs)
    return app


async def _stop_runs(app: web.Application) -> None:
    context = app[CONTEXT]
    for run in (context.load, context.scenario):
        if run is not None:
            await run.stop()


def _handler(route: ControlRoute, context: ControlContext) -> Any:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await route.serve(context, request)

    return handle


def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    info = {"title": "WhatsApp simulator: control interface", "version": "1"}
    return {"openapi": "3.1.0", "info": info, "paths": paths}


def _operation(route: ControlRoute) -> dict[str, Any]:
    names = [part[1:-1] for part in route.path.split("/") if part.startswith("{")]
    text = {"type": "string"}
    parameters = [{"name": name, "in": "path", "required": True, "schema": text} for name in names]
    parameters += [{"name": name, "in": "query", "schema": {"type": "number"}} for name in route.query]
    problem = {"description": "problem+json: unknown (404), wrong state (409), bad input (422)"}
    operation: dict[str, Any] = {
        "summary": route.summary,
        "parameters": parameters,
        "responses": {str(route.status): {"description": "JSON"}, "4XX": problem},
    }
    if route.method != "GET":
        schema = route.body.model_json_schema()
        operation["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return operation


async def _openapi(_: web.Request) -> web.Response:
    return web.json_response(openapi())


STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;
color:#222;background:#fff}
table{border-collapse:collapse;width:100%}td{border-bottom:1px solid #ddd;padding:.35rem .6rem;vertical-align:top}
code{font:13px ui-monospace,monospace}b{font:700 12px ui-monospace,monospace}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}td{border-color:#444}}"""


async def _docs(_: web.Request) -> web.Response:
    rows = "".join(_row(route) for route in ROUTES)
    page = (
        "<!doctype html><html lang=en><meta charset=utf-8><title>WhatsApp simulator</title>"
        f"<style>{STYLE}</style><h1>WhatsApp simulator</h1><p>Phones belong to our users, contacts write to them. "
        "Ids are phone numbers as digits. Bodies and answers are JSON, errors are problem documents. "
        f"Machine-readable: <a href=/openapi.json>/openapi.json</a>.</p><table>{rows}</table></html>"
    )
    return web.Response(text=page, content_type="text/html")


def _row(route: ControlRoute) -> str:
    fields = route.body.model_json_schema(by_alias=True)
    required = fields.get("required", [])
    names = [name if name in required else f"{name}?" for name in fields.get("properties", {})]
    body = "{" + ", ".join(names) + "}" if names else ""
    query = "?" + "&".join(f"{name}=" for name in route.query) if route.query else ""
    call = html.escape(f"{route.path}{query} {body}")
    return f"<tr><td><b>{route.method}</b><td><code>{call}</code><td>{html.escape(route.summary)}</tr>"
