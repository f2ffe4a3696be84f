"""Finds the routes of a path, for middleware that runs before routing."""

from collections.abc import Iterable

from fastapi import FastAPI
from starlette.routing import BaseRoute, Route


def store_routes(app: FastAPI, routes: Iterable[BaseRoute]) -> None:
    """Keep one list of all routes in `app.state.routes`; FastAPI keeps included routers separately."""
    app.state.routes = [route for route in (*app.routes, *routes) if isinstance(route, Route)]


def routes_at(app: FastAPI, path: str) -> list[Route]:
    """The routes that match this path with any method, in the order of routing."""
    return [route for route in app.state.routes if route.path_regex.match(path)]
