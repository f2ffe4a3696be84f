"""Routes run in the event loop: FastAPI would call plain functions, and plain dependencies, in other threads."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from fastapi.dependencies.models import Dependant

from services.api.route_modules import declared_routes


def calls(dependant: Dependant) -> Iterator[Callable[..., Any]]:
    for dependency in dependant.dependencies:
        if dependency.call is not None:
            yield dependency.call
        yield from calls(dependency)


def runs_in_the_event_loop(call: Callable[..., Any]) -> bool:
    return inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(getattr(call, "__call__", None))  # noqa: B004


def test_no_route_has_a_dependency_that_is_called_in_a_thread() -> None:
    dependencies = {call for route in declared_routes() for call in calls(route.dependant)}
    assert len(dependencies) > 10
    assert [call for call in dependencies if not runs_in_the_event_loop(call)] == []


def test_no_route_is_called_in_a_thread() -> None:
    endpoints = [route.endpoint for route in declared_routes()]
    assert [endpoint for endpoint in endpoints if not runs_in_the_event_loop(endpoint)] == []
