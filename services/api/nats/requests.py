"""The requests of NATS, each carried out by the route of the function that declares it."""

from starlette.types import ASGIApp

from services.api.nats.derived_messages import request_class
from services.api.nats.route_bridge import RequestRoute, RouteEndpoint
from services.api.route_modules import declared_routes, served_functions

_ROUTE_OF = {route.endpoint: route for route in declared_routes()}

REQUEST_ROUTES = tuple(
    RequestRoute(request_class(served, _ROUTE_OF[served.function]), _ROUTE_OF[served.function], served.is_slow)
    for served in served_functions()
    if not served.is_query
)


def request_endpoints(app: ASGIApp) -> list[RouteEndpoint]:
    """All requests, carried out by this app."""
    return [RouteEndpoint(app, request_route) for request_route in REQUEST_ROUTES]
