"""Which routes a path leads to, before one of them is called."""

from collections.abc import Iterable

from fastapi import FastAPI
from starlette.routing import BaseRoute, Route


def store_routes(app: FastAPI, routes: Iterable[BaseRoute]) -> None:
    """All routes of the app, which it keeps in parts."""
    app.state.routes = [route for route in (*app.routes, *routes) if isinstance(route, Route)]


def routes_at(app: FastAPI, path: str) -> list[Route]:
    """Those with this path, whatever the method, in the order in which they are tried."""
    return [route for route in app.state.routes if route.path_regex.match(path)]
